package vault

// identifierPurpose keeps what an index has of identifiers apart from all other names.
const identifierPurpose = "identifier"

// sealedForm is what a sealed identifier begins with in an index. No identifier does.
const sealedForm = "~"

// form is what an identifier is in an index now: itself, or 32 digits that say nothing of it.
func (r *ring) form(identifier string) (string, error) {
	if r.meta.ClearIdentifiers {
		return identifier, nil
	}
	name, err := r.sealer.Name(identifierPurpose, identifier)
	return sealedForm + name, err
}

// forms are what an identifier may be in an index, the present form first. There are others while
// records are being sealed anew.
func (r *ring) forms(identifier string) ([]string, error) {
	if !r.meta.Resealing {
		form, err := r.form(identifier)
		return []string{form}, err
	}
	return r.allForms(identifier)
}

// allForms are what an identifier may ever have been in an index, as far as the keys are known, the
// present form first.
func (r *ring) allForms(identifier string) ([]string, error) {
	names, err := r.sealer.Names(identifierPurpose, identifier)
	if err != nil {
		return nil, err
	}
	var forms []string
	for _, name := range names {
		forms = append(forms, sealedForm+name)
	}
	if r.meta.ClearIdentifiers {
		return append([]string{identifier}, forms...), nil
	}
	return append(forms, identifier), nil
}
