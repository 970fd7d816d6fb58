package handlers_test

import (
	"strings"

	"github.com/keydesk/keydesk/access"
)

// hostileValue is a text that does harm where it is taken for anything but text.
type hostileValue struct {
	name, text string
	line       bool // it is one line of text that shows as it is, so that a name may hold it
	lines      bool // the only thing wrong with it is that it has several lines, or a tab
}

func hostileValues() []hostileValue {
	fine := func(name, text string) hostileValue { return hostileValue{name: name, text: text, line: true} }
	odd := func(name, text string) hostileValue { return hostileValue{name: name, text: text} }
	return []hostileValue{
		odd("NUL", "a\x00b"), odd("escape of a terminal", "a\x1b[31mb"), odd("delete", "a\x7fb"), odd("C1 control", "a\u009b31m"),
		{name: "line end and a header", text: "a\r\nHostile: yes", lines: true}, {name: "tab", text: "a\tb", lines: true},
		{name: "line end and a line of CSV", text: "a\n=1+1,b", lines: true}, odd("line separator", "a\u2028b"),
		odd("right to left", "a\u202egnp.exe"), odd("isolate", "a\u2066b"), odd("zero width", "a\u200bb"), odd("byte order mark", "a\ufeffb"),
		odd("noncharacter", "a\ufffeb"), odd("soft hyphen", "a\u00adb"), odd("tag of a language", "a\U000e0041b"),
		odd("no UTF-8", "a\xff\xfe"), odd("half of a pair", "a\xed\xa0\x80"), odd("overlong slash", "a\xc0\xaf"),
		odd("10,000 characters", strings.Repeat("w", 10_000)), odd("API key", access.NewSecret(access.DefaultPrefix).Reveal()),
		fine("formula", `=HYPERLINK("http://evil.test","x")`), fine("command of a spreadsheet", `@SUM(1+1)*cmd|' /C calc'!A0`),
		fine("SQL", `'; DROP TABLE users; --`), fine("wildcards", `%_\*?[a-z]`), fine("markup", `<hostile-x onhostile=1>`),
		fine("script", `</script><script>hostile()</script>`), fine("attribute", `" autofocus onfocus="hostile()" x="`),
		fine("attribute of htmx", `" hx-get="/logout" hx-trigger="load`), fine("inline code of htmx", `' hx-on:load='hostile()' x='`),
		fine("template", `{{.Secret}}${7*7}<%= 7*7 %>`), fine("URL of a script", `javascript:hostile()//`), fine("entity", `&lt;hostile-x&gt;&#0;`),
		fine("path that climbs", `../../../../etc/passwd`), fine("large number", `99999999999999999999`), fine("negative number", `-1`),
		fine("no finite number", `1e309`), fine("id in braces", `{018f0000-0000-7000-8000-000000000000}`),
		fine("id with a prefix", `urn:uuid:018f0000-0000-7000-8000-000000000000`), fine("id that is none", `018f0000-0000-7000-8000-00000000000g`),
		fine("list", `["a","b"]`), fine("object", `{"$ne":null}`),
	}
}

// lie is a header that says what is not so, or asks for what is not given.
type lie struct {
	header  string // lines of a request; CRLF between them
	session string // what stands in the Cookie header instead of the session, which SESSION stands for
	// How the answer differs. Cross-site posts are refused; what does not open leaves one a nobody.
	crossSite, packed, nobody, htmx bool
}

func lies(secret string) []lie {
	just := func(header string) lie { return lie{header: header} }
	return []lie{
		just("X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: POST\r\nX-Method-Override: PUT"),
		just("X-Original-URL: /admin/users\r\nX-Rewrite-URL: /admin/users\r\nX-Forwarded-Uri: /admin/users\r\nX-Forwarded-Prefix: //evil.test"),
		just("X-Forwarded-For: \"><hostile-x>, 127.0.0.1\r\nX-Real-IP: ' OR 1=1 --\r\nForwarded: for=\"_hostile\";host=evil.test"),
		just("X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: javascript\r\nX-Forwarded-Port: 99999\r\nX-Forwarded-Server: evil.test"),
		just("X-User: root\r\nX-Forwarded-User: root\r\nRemote-User: root\r\nX-Keydesk-User: root\r\nX_Keydesk_User: root"),
		just("Authorization: Bearer " + secret + "\r\nX-API-Key: " + secret),
		just("Authorization: Basic cm9vdDpyb290"),
		just("User-Agent: <hostile-x onhostile=1>\x22' hx-get=/logout hx-trigger=load"),
		just("Referer: javascript:hostile()//%22%3E%3Chostile-x%3E"), just("Referer: //evil.test/%0d%0aHostile:%20yes"),
		just("Accept: application/json\r\nAccept-Language: ../../../etc/passwd\r\nAccept-Charset: utf-7"),
		just("Range: bytes=0-0\r\nIf-Range: *\r\nIf-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT\r\nIf-None-Match: *"),
		just("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
		just("HX-Request: yes please\r\nHX-Boosted: true\r\nHX-Target: <hostile-x>\r\nHX-Trigger: \x22><hostile-x>\r\nHX-Prompt: <hostile-x>"),
		{header: "HX-Request: true\r\nHX-Current-URL: javascript:hostile()//evil.test\r\nHX-History-Restore-Request: true", htmx: true},
		{header: "HX-Request: true\r\nHX-Current-URL: //evil.test/\x22><hostile-x>\r\nHX-Source: <hostile-x>", htmx: true},
		{header: "Origin: https://evil.test", crossSite: true}, {header: "Origin: null", crossSite: true},
		{header: "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", crossSite: true}, {header: "Sec-Fetch-Site: same-site", crossSite: true},
		{header: "Sec-Fetch-Site: friendly", crossSite: true},
		{header: "Content-Encoding: gzip", packed: true}, {header: "Content-Encoding: identity, br", packed: true},
		{session: "keydesk=garbage; SESSION", nobody: true}, {session: "keydesk=" + strings.Repeat("A", 5000), nobody: true},
		{session: "keydesk=" + strings.Repeat("MTc", 300) + "|x|\x22><hostile-x>", nobody: true},
		{session: "SESSION; keydesk=garbage"}, {session: "SESSION; keydesk-theme=\x22><hostile-x>; keydesk-browser=" + strings.Repeat("x", 3000)},
		{session: "; ; =; a; SESSION; $Version=1; keydesk-theme=dark%00"},
	}
}
