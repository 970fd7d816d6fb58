package db

import (
	"errors"
	"os"
	"path/filepath"
)

// SyncFolder waits until the names in the folder of a file are on the disk: a file that was made or renamed there could
// else be lost in a power cut, whatever became of what is in it.
func SyncFolder(file string) error {
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
