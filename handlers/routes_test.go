package handlers

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// AZ-1: who may use which route stands in a file, so that a changed permission shows in a diff.
func TestRoutesAndTheirRolesAreTheGoldenOnes(t *testing.T) {
	const golden = "testdata/routes.golden"
	var got strings.Builder
	for _, r := range (&App{}).routes() {
		proof := ""
		if r.gate.proven {
			proof = ", with a fresh proof"
		}
		fmt.Fprintf(&got, "%s %s %s%s\n", r.method, r.path, strings.Join(admitted(r.gate), " "), proof)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the routes are not those of %s; if that is meant, run the test with -update\n%s", golden, got.String())
	}
}

// admitted returns the words of who may pass a gate.
func admitted(g gate) (roles []string) {
	if g.admits(access.Actor{}) {
		return []string{"anyone"}
	}
	for _, role := range []access.Role{access.User, access.Admin} {
		if g.admits(access.Actor{UserID: "someone", Role: role}) {
			roles = append(roles, string(role))
		}
	}
	return roles
}

func TestRouterHasTheRoutesOfTheTableAndNoOthers(t *testing.T) {
	a := &App{echo: echo.New()}
	if err := a.addRoutes(a.routes()); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, r := range a.echo.Routes() {
		got = append(got, r.Method+" "+r.Path)
	}
	for _, line := range a.Table() {
		want = append(want, line)
		if path, ok := strings.CutPrefix(line, "GET "); ok {
			want = append(want, "HEAD "+path)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the router has\n%s\nand the table says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// AZ-1: a route whose gate was forgotten is closed.
func TestZeroGateLetsNobodyIn(t *testing.T) {
	for _, actor := range []access.Actor{
		{}, {UserID: "alice", Role: access.User}, {UserID: "root", Role: access.Admin}, access.TheOperator(),
	} {
		if (gate{}).admits(actor) {
			t.Errorf("%+v passes", actor)
		}
	}
}

func TestRouteWithoutAGateStopsTheStart(t *testing.T) {
	a := &App{echo: echo.New()}
	if err := a.addRoutes([]route{{method: "GET", path: "/forgotten", handle: a.home}}); err == nil {
		t.Error("a route without a gate was added")
	}
}
