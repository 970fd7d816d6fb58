package access

// Role is what a person is at this desk.
type Role string

// The roles. No role has all rights: who oversees keys never holds one (separation of duties).
const (
	User  Role = "user"
	Admin Role = "admin"
)

// Operator is the actor at the command line, who owns the machine. A User ID never looks like it.
const Operator = "(operator)"

// Action is something that can be done at the desk, in the word of the audit log.
type Action string

// The actions that need a right.
const (
	CreateKey        Action = "create key"
	RenameKey        Action = "rename key"
	DeactivateOwnKey Action = "deactivate own key"
	DeactivateKey    Action = "deactivate key" // anybody's
	SeeOwnKeys       Action = "see own keys"
	SeeUsers         Action = "see users" // and all their keys, masked
	SeeHistory       Action = "see history"
	ExportKeys       Action = "export keys"
	AddUser          Action = "add user"
)

// Actor is who does something: a person, or the operator at the command line.
type Actor struct {
	UserID  string
	Role    Role   // empty for the operator
	Address string // the IP address it comes from; empty for the operator
}

// TheOperator returns the actor at the command line.
func TheOperator() Actor { return Actor{UserID: Operator} }

// Can tells whether the actor may do this at all. Whose key it is, where that matters, is decided with the row in
// hand. Routes, buttons and changes all ask here. What is not listed is refused.
func Can(a Actor, what Action) bool {
	switch what {
	case CreateKey, RenameKey, DeactivateOwnKey:
		return a.Role == User
	case SeeOwnKeys:
		return a.Role == User || a.Role == Admin
	case ExportKeys, SeeUsers:
		return a.Role == Admin || a.UserID == Operator
	case SeeHistory, DeactivateKey:
		return a.Role == Admin
	case AddUser:
		return a.UserID == Operator
	}
	return false
}

// Check returns nil if the actor may do this, else a refusal that says who can.
func Check(a Actor, what Action) error {
	switch {
	case Can(a, what):
		return nil
	case what == AddUser:
		return Refuse(Denied, "", "Only the operator of this desk can do this, at the command line.")
	case a.Role == Admin && what == CreateKey:
		return Refuse(Denied, "", "Administrators cannot make keys: who oversees every key never holds one. "+
			"A user makes keys on their own API Keys page.")
	case a.UserID == Operator:
		return Refuse(Denied, "", "Only a user can do this, with their own keys.")
	case a.Role == Admin:
		return Refuse(Denied, "", "Only the user who owns a key can do this. "+
			"Administrators deactivate keys on the user's page in Manage Users.")
	}
	return Refuse(Denied, "", "Only an administrator can do this. Ask one of yours.")
}
