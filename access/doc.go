// Package access is the domain of Keydesk: what an API key is, who may do what with it, what is written down about
// it. It knows no database, no web page and no other package of Keydesk.
package access
