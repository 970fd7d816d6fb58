// Package db keeps what Keydesk knows: all of its SQL and nothing but its SQL.
package db
