package connectors

// Holds tells whether a whole JSON body meets the condition. What is not one JSON object does not.
func (c *Condition) Holds(body []byte) bool {
	text, ok := member(body, c.Path)
	return ok && text == c.Equals
}
