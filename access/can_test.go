package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// rights says who may do what: u the user, a the administrator, o the operator, s the desk itself. DESIGN, 2 and 7.
func rights() map[access.Action]string {
	return map[access.Action]string{
		access.CreateKey:        "u", // of everybody with a role, only those who oversee no key
		access.RenameKey:        "u",
		access.DeactivateOwnKey: "u",
		access.SeeOwnKeys:       "ua", // an administrator's page says why it is empty

		access.DeactivateKey:  "a",
		access.SeeUsers:       "ao",
		access.SeeHistory:     "a",
		access.SeeLog:         "ao",
		access.ExportKeys:     "ao",
		access.AddUser:        "ao",
		access.ChangeRole:     "a",
		access.DisableUser:    "ao",
		access.EnableUser:     "a",
		access.IssueLink:      "ao",
		access.RemovePasskeys: "ao",
		access.EndSessions:    "a",
		access.SeeFeedback:    "a",

		access.SetOthersPassword: "o", // never an administrator: AZ-6
		access.SetUp:             "o",
		access.MakeUp:            "o",
		access.RotateSecrets:     "o",
		access.EndAllSessions:    "o",

		access.BeginLog:  "s",
		access.RenewHash: "s",
		access.Restore:   "s",

		access.RenewSecrets: "s",

		access.SeeProfile:        "ua",
		access.ProveIdentity:     "ua",
		access.AddPasskey:        "ua",
		access.RemovePasskey:     "ua",
		access.MakeRecoveryCodes: "ua",

		access.SetPassword:    "ua",
		access.ChangePassword: "ua",
		access.EndOwnSessions: "ua",
		access.NoteLinks:      "ua",
		access.SeeHelp:        "ua",
		access.GiveFeedback:   "ua",
	}
}

// actors are everybody who could ask, by the letter of their right; "" for who has none.
func actors() map[access.Actor]string {
	return map[access.Actor]string{
		{UserID: "alice", Role: access.User}:  "u",
		{UserID: "root", Role: access.Admin}:  "a",
		access.TheOperator():                  "o",
		access.TheSystem():                    "s",
		{}:                                    "",
		{UserID: "alice"}:                     "",
		{UserID: "root"}:                      "",
		{UserID: "alice", Role: "Admin"}:      "",
		{UserID: "alice", Role: "user,admin"}: "",
		{UserID: "operator"}:                  "",
		{UserID: access.UnknownUser}:          "",
		{Address: "127.0.0.1"}:                "",
		{UserID: "admin", Role: "superadmin"}: "",
	}
}

// AZ-1, AZ-4, AZ-6
func TestWhoMayDoWhat(t *testing.T) {
	for action, may := range rights() {
		for actor, letter := range actors() {
			want := letter != "" && strings.Contains(may, letter)
			if got := access.Can(actor, action); got != want {
				t.Errorf("%+v may %s: %t, want %t", actor, action, got, want)
			}
			err := access.Check(actor, action)
			refusal := access.Refused(err, access.Denied)
			if want && err != nil || !want && refusal == nil {
				t.Errorf("%+v asks to %s: %v", actor, action, err)
			}
			if refusal != nil && !strings.HasSuffix(refusal.Message, ".") {
				t.Errorf("%+v is refused to %s without a sentence: %q", actor, action, refusal.Message)
			}
		}
	}
}

// AZ-1: deny by default.
func TestWhatIsNotListedIsRefused(t *testing.T) {
	for _, action := range []access.Action{"", "create", "Create Key", "create key ", "delete everything"} {
		for actor := range actors() {
			if access.Can(actor, action) || access.Refused(access.Check(actor, action), access.Denied) == nil {
				t.Errorf("%+v may %q", actor, action)
			}
		}
	}
}

// A right that nobody wrote into the table above is a right that nobody thought about.
func TestEveryActionIsInTheTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "can.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[access.Action]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Action" {
			for _, v := range spec.Values {
				declared[actionOf(t, v)] = true
			}
		}
		return false
	})
	for action := range declared {
		if _, ok := rights()[action]; !ok {
			t.Errorf("%q is in can.go and not in the table", action)
		}
	}
	if len(declared) != len(rights()) {
		t.Errorf("can.go declares %d actions, the table has %d", len(declared), len(rights()))
	}
}

func actionOf(t *testing.T, v ast.Expr) access.Action {
	t.Helper()
	literal, ok := v.(*ast.BasicLit)
	if !ok {
		t.Fatalf("an action is a %T", v)
	}
	action, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return access.Action(action)
}

func TestRefusalSaysWhoCan(t *testing.T) {
	admin := access.Actor{UserID: "root", Role: access.Admin}
	user := access.Actor{UserID: "alice", Role: access.User}
	for _, row := range []struct {
		actor  access.Actor
		action access.Action
		says   string
	}{
		{admin, access.CreateKey, "Administrators cannot make keys"},
		{admin, access.RenameKey, "Only the user who owns a key"},
		{admin, access.DeactivateOwnKey, "Only the user who owns a key"},
		{admin, access.SetOthersPassword, "Only the operator"},
		{admin, access.SetUp, "Only the operator"},
		{user, access.SetOthersPassword, "Only the operator"},
		{user, access.SetUp, "Only the operator"},
		{user, access.DeactivateKey, "Only an administrator"},
		{user, access.ExportKeys, "Only an administrator"},
		{user, access.SeeUsers, "Only an administrator"},
		{user, access.SeeHistory, "Only an administrator"},
		{user, access.AddUser, "Only an administrator"},
		{user, access.ChangeRole, "Only an administrator"},
		{user, access.DisableUser, "Only an administrator"},
		{user, access.EnableUser, "Only an administrator"},
		{user, access.IssueLink, "Only an administrator"},
		{user, access.EndSessions, "Only an administrator"},
		{user, access.SeeFeedback, "Only an administrator"},
		{access.TheOperator(), access.CreateKey, "Only a user"},
		{access.TheOperator(), access.RenameKey, "Only a user"},
		{access.TheOperator(), access.DeactivateOwnKey, "Only a user"},
	} {
		wantSentence(t, row.actor, row.action, row.says)
	}
}

// What an administrator does is not said to be a user's, whoever asks for it.
func TestRefusalOfTheOperatorSaysWhoCan(t *testing.T) {
	for _, action := range []access.Action{
		access.DeactivateKey, access.SeeHistory, access.ChangeRole, access.EnableUser, access.EndSessions, access.SeeFeedback,
	} {
		wantSentence(t, access.TheOperator(), action, "Only an administrator")
	}
}

func wantSentence(t *testing.T, actor access.Actor, action access.Action, says string) {
	t.Helper()
	refusal := access.Refused(access.Check(actor, action), access.Denied)
	if refusal == nil || !strings.Contains(refusal.Message, says) {
		t.Errorf("%s asks to %s: %v, want %q", actor.UserID, action, refusal, says)
	}
}

// The operator must not be somebody who could sign in.
func TestNobodyCanBeNamedLikeTheOperator(t *testing.T) {
	if _, err := access.ParseUserID(access.TheOperator().UserID); err == nil {
		t.Errorf("%s is a User ID", access.Operator)
	}
	if access.TheOperator().Role != "" {
		t.Errorf("the operator has the role %s", access.TheOperator().Role)
	}
}
