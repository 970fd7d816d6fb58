package main

// Of the files that the process may have open, so many are for what is no connection of a client: each reader of SQLite has two,
// and the writer, the anchor, the logs and reports under way have theirs.
const ownFiles = 96

// At most, and at least, so many connections are taken at an address, whatever the limit of files.
const (
	mostAtOnce  = 16_384
	leastAtOnce = 16
)

// mostConnections returns how many connections there may be at each of the addresses, with so many files.
func mostConnections(files uint64, addresses int) int {
	if files >= ownFiles+uint64(addresses)*mostAtOnce { //nolint:gosec // 1 or 2
		return mostAtOnce
	}
	return max(leastAtOnce, (int(files)-ownFiles)/addresses) //nolint:gosec // fewer than the line before
}
