package transfer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age/armor"
)

// Format is the kind of a file.
type Format string

// The values of [Format].
const (
	FormatClaviger Format = "claviger"
	FormatNango    Format = "nango"
	FormatComposio Format = "composio"
	FormatCSV      Format = "csv"
)

// Formats are all formats that can be read.
var Formats = []Format{FormatClaviger, FormatNango, FormatComposio, FormatCSV}

// sniffMarks are members of an account that only one product has.
var sniffMarks = map[string]Format{
	"provider_config_key": FormatNango,
	"toolkit":             FormatComposio, "auth_config": FormatComposio, "authConfig": FormatComposio,
	"appUniqueId": FormatComposio, "connectionParams": FormatComposio, "clientUniqueUserId": FormatComposio,
}

// Sniff tells the format of a file by its beginning, without taking anything from r. It looks at
// as much as r can buffer: 64 KiB is enough. When it cannot tell, the error lists the formats.
func Sniff(r *bufio.Reader) (Format, error) {
	start, err := r.Peek(r.Size())
	if len(start) == 0 && err != nil {
		return "", unknownFormat("the file is empty")
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte(bom)), " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte(ageIntro)), bytes.HasPrefix(text, []byte(armor.Header)):
		return FormatClaviger, nil
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return sniffJSON(text)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	names, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err == nil && slices.Contains(names, columns[0]) && slices.Contains(names, columns[1]) {
		return FormatCSV, nil
	}
	return "", unknownFormat("the file is of no known format")
}

// sniffJSON looks at the members of the accounts at the beginning of a file, which may break off.
func sniffJSON(text []byte) (Format, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var found Format
	// open are the brackets around a token, top is the outermost member that it is in; isName
	// tells whether a text is a member's name.
	var open []rune
	var top string
	isName := false
	for {
		t, err := d.Token()
		if err != nil {
			break
		}
		inObject := len(open) > 0 && open[len(open)-1] == '{'
		switch v := t.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				open = append(open, rune(v))
			} else {
				open = open[:len(open)-1]
			}
			isName = len(open) > 0 && open[len(open)-1] == '{'
			continue
		case string:
			if !inObject || !isName {
				break
			}
			isName = false
			if v == "claviger_export" && len(open) == 1 {
				return "", unknownFormat("this is the inside of an export of Claviger, which is only read while it is encrypted")
			}
			mark := sniffMarks[v]
			switch where := string(open); {
			case where == "{":
				top = v
			case where == "[{", where == "{[{" && (top == "connections" || top == "items"):
			default:
				continue
			}
			if mark == "" {
				continue
			}
			if found != "" && found != mark {
				return "", unknownFormat("the file looks like two formats")
			}
			found = mark
			continue
		}
		isName = inObject
	}
	if found == "" {
		return "", unknownFormat("the file is of no known format")
	}
	return found, nil
}

func unknownFormat(text string) error {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return fmt.Errorf("%s: say which it is: %s", text, strings.Join(names, ", "))
}
