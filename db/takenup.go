package db

import "slices"

// tell tells what is new since it was told last: kinds of secrets, and the root secret where they are sealed anew.
func (v *vault) tell() {
	var what []string
	for _, row := range v.rows {
		at := slices.IndexFunc(v.said, func(former sealedRow) bool { return former.ID == row.ID })
		kind := row.Kind
		switch {
		case at >= 0 && (row.retired() || row.same(v.said[at])):
			continue
		case at >= 0:
			kind = "root"
		}
		if !slices.Contains(what, kind) {
			what = append(what, kind)
		}
	}
	v.said = v.rows
	if len(what) > 0 && v.takes != nil {
		v.takes(what)
	}
}

// tellOfSecrets has takes told what is taken up from now on. It must not ask for secrets itself.
func (v *vault) tellOfSecrets(takes func(what []string)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.takes = takes
}
