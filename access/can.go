package access

// Role is what a person is at this desk.
type Role string

// The roles. No role has all rights: who oversees keys never holds one (separation of duties).
const (
	User  Role = "user"
	Admin Role = "admin"
)

// Who is no person: a User ID never looks like these.
const (
	Operator = "(operator)" // at the command line, who owns the machine
	System   = "(system)"   // the desk itself
)

// Action is something that can be done at the desk, in the word of the audit log.
type Action string

// The actions that need a right.
const (
	CreateKey         Action = "create key"
	RenameKey         Action = "rename key"
	DeactivateOwnKey  Action = "deactivate own key"
	DeactivateKey     Action = "deactivate key" // anybody's
	SeeOwnKeys        Action = "see own keys"
	SeeUsers          Action = "see users" // and all their keys, masked
	SeeHistory        Action = "see history"
	SeeLog            Action = "see audit log" // with its proofs
	ExportKeys        Action = "export keys"
	AddUser           Action = "add user"
	SetOthersPassword Action = "set another's password"
	ChangeRole        Action = "change role"
	DisableUser       Action = "disable user"
	EnableUser        Action = "enable user"
	IssueLink         Action = "issue password link"
	EndSessions       Action = "end sessions" // anybody's
	EndAllSessions    Action = "end all sessions"
	SetUp             Action = "set up"
	SeeProfile        Action = "see profile"
	ProveIdentity     Action = "prove identity"
	SetPassword       Action = "set password"    // one's own, by a link
	ChangePassword    Action = "change password" // one's own
	AddPasskey        Action = "add passkey"     // of one's own
	RemovePasskey     Action = "remove passkey"  // of one's own
	MakeRecoveryCodes Action = "make recovery codes"
	RemovePasskeys    Action = "remove another's passkeys"
	EndOwnSessions    Action = "end own sessions"
	NoteLinks         Action = "note password links" // issued for oneself
	SeeHelp           Action = "see help"
	GiveFeedback      Action = "give feedback"
	SeeFeedback       Action = "see feedback"
	MakeUp            Action = "make up data"
	BeginLog          Action = "begin audit log" // of a database that had none that can be proven
	RenewHash         Action = "renew password hash"
	Restore           Action = "restore"
	RotateSecrets     Action = "rotate secrets"
	RenewSecrets      Action = "renew secrets" // those that have served their time
)

// Recorded returns the actions that stand in the audit log, in the order in which they are offered to choose from.
func Recorded() []Action {
	return []Action{
		CreateKey, RenameKey, DeactivateOwnKey, DeactivateKey, ExportKeys, AddUser, ChangeRole, DisableUser, EnableUser, IssueLink,
		SetPassword, SetOthersPassword, ChangePassword, RenewHash, AddPasskey, RemovePasskey, MakeRecoveryCodes, RemovePasskeys, EndOwnSessions, EndSessions, EndAllSessions, NoteLinks, GiveFeedback,
		SetUp, MakeUp, BeginLog, RotateSecrets, RenewSecrets, Restore,
	}
}

// Actor is who does something: a person, or the operator at the command line.
type Actor struct {
	UserID  string
	Role    Role   // empty for who is no person
	Address string // the IP address it comes from; empty for who is no person
	Request string // the name of the request it comes with; likewise
	Session string // the id of the session it acts in, which must be live still; empty where there is none
}

// TheOperator returns the actor at the command line.
func TheOperator() Actor { return Actor{UserID: Operator} }

// TheSystem returns the desk itself.
func TheSystem() Actor { return Actor{UserID: System} }

// Can tells whether the actor may do this at all. Whose key it is, where that matters, is decided with the row in
// hand. Routes, buttons and changes all ask here. What is not listed is refused.
func Can(a Actor, what Action) bool {
	switch what {
	case CreateKey, RenameKey, DeactivateOwnKey:
		return a.Role == User
	case SeeOwnKeys, SeeProfile, ProveIdentity, SetPassword, ChangePassword, AddPasskey, RemovePasskey, MakeRecoveryCodes, EndOwnSessions, NoteLinks, SeeHelp, GiveFeedback:
		return a.Role == User || a.Role == Admin
	case ExportKeys, SeeUsers, SeeLog, AddUser, DisableUser, IssueLink, RemovePasskeys:
		return a.Role == Admin || a.UserID == Operator
	case SeeHistory, DeactivateKey, ChangeRole, EnableUser, EndSessions, SeeFeedback:
		return a.Role == Admin
	case SetOthersPassword, SetUp, MakeUp, RotateSecrets, EndAllSessions:
		return a.UserID == Operator
	case BeginLog, RenewHash, Restore, RenewSecrets:
		return a.UserID == System
	}
	return false
}

// Check returns nil if the actor may do this, else a refusal that says who can.
func Check(a Actor, what Action) error {
	if Can(a, what) {
		return nil
	}
	return Refuse(Denied, "", whoCan(a, what))
}

func whoCan(a Actor, what Action) string {
	switch {
	case Can(TheSystem(), what):
		return "The desk does this by itself."
	case Can(TheOperator(), what) && !Can(Actor{Role: Admin}, what):
		return "Only the operator of this desk can do this, at the command line."
	case Can(Actor{Role: Admin}, what) && Can(Actor{Role: User}, what):
		return "Only a person with an account here can do this, for themselves."
	case Can(Actor{Role: Admin}, what):
		return "Only an administrator can do this. Ask one of yours."
	case a.Role == Admin && what == CreateKey:
		return "Administrators cannot make keys: who oversees every key never holds one. " +
			"A user makes keys on their own API Keys page."
	case a.Role == Admin:
		return "Only the user who owns a key can do this. " +
			"Administrators deactivate keys on the user's page in Manage Users."
	}
	return "Only a user can do this, with their own keys."
}
