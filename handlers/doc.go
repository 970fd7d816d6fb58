// Package handlers is Keydesk's web: HTTP in, HTTP out.
package handlers
