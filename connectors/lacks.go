package connectors

// Lacks returns the names of those of the inputs that must have a value where these values are given, and have none.
// One that is asked for only with a value that is missing as well is not among them.
func Lacks(inputs []Input, given map[string]string) (names []string) {
	for _, in := range Asked(inputs, given) {
		if in.needed() && in.normalized(given[in.Name]) == "" {
			names = append(names, in.Name)
		}
	}
	return names
}

// needed tells whether a value must be given where the input is asked for.
func (in Input) needed() bool { return in.Default == "" && !in.Optional }
