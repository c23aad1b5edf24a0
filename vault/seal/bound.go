package seal

import "encoding/binary"

// Bound is what a sealed value is tied to. It is authenticated with the value, not stored in it.
type Bound struct {
	Project string
	Kind    string
	ID      string
	// Field names the sealed part of the record.
	Field string
	// Version is the version of the record that holds the value.
	Version uint64
	// Clear is the part of the record that is stored in clear, which so cannot be altered either.
	Clear []byte
}

const recordPurpose = "claviger/record/1"

// encode writes the purpose, then each part with its length before it, so that no two bounds
// have the same encoding:
//
//	4 bytes length, purpose | 4, Project | 4, Kind | 4, ID | 4, Field | 8 bytes Version | 4, Clear
//
// All numbers are big endian.
func (b Bound) encode() []byte {
	n := 6*4 + 8 + len(recordPurpose) + len(b.Project) + len(b.Kind) + len(b.ID) + len(b.Field) + len(b.Clear)
	out := make([]byte, 0, n)
	for _, s := range [...]string{recordPurpose, b.Project, b.Kind, b.ID, b.Field} {
		out = appendLength(out, len(s))
		out = append(out, s...)
	}
	out = binary.BigEndian.AppendUint64(out, b.Version)
	out = appendLength(out, len(b.Clear))
	return append(out, b.Clear...)
}

func appendLength(out []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(out, uint32(n))
}
