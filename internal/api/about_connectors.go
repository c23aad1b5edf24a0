package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var listConnectors = About{
	ID: "listConnectors", Summary: "List connectors", Text: "In the order of their names.",
	Params: paged(
		Param{Name: "q", Text: "Words that must all be in the name, title, description or categories, in upper or lower case."},
		Param{Name: "category", Text: "A category."},
		oneOf("mode", "The mode that one of the connector's ways has.", modes)),
	Answers: ok[client.Page[client.ConnectorSummary]](),
}

var getConnector = About{
	ID: "getConnector", Summary: "Get a connector",
	Text: "All facts in one way to connect an account, or the connector's file, which a header `Accept: application/yaml` asks for, too.",
	Params: []Param{
		{Name: "auth", Text: "One of the connector's ways; the standard one without it."},
		flag("source", "The file is wanted."),
	},
	Answers: []Answer{{
		Status: http.StatusOK, Type: of[client.Connector](), Media: yamlTypes[:1],
		Text: "The facts, or the file: that of a stored or built-in connector as it is, that of a folder as it was understood.",
	}},
	Codes: codes("connector_not_found"),
}

var (
	dryRun         = flag("dry_run", "It is told what would happen, with status 200, and nothing is changed.")
	replaceBuiltin = flag("replace_builtin", "As the field of that name.")
	fileVersion    = Param{Name: "version", Type: "integer", Text: "The version that must be stored."}
)

var addConnector = About{
	ID: "addConnector", Summary: "Add a connector", Text: "Its file is kept in the vault. It can be used at once.",
	Params: []Param{dryRun, replaceBuiltin},
	Body:   of[client.ConnectorFile](), Media: yamlTypes,
	Answers: append(made[client.ConnectorChange](),
		Answer{Status: http.StatusOK, Type: of[client.ConnectorChange](), Text: "What would happen."}),
	Codes: codes("connector_invalid connector_exists connector_built_in connector_read_only connector_breaks_accounts"),
}

var replaceConnector = About{
	ID: "replaceConnector", Summary: "Replace the file of a stored connector",
	Text:   "All connections of the connector, and of stored ones that extend it, use the new file at once, or nothing changes.",
	Params: []Param{dryRun, replaceBuiltin, fileVersion},
	Body:   of[client.ConnectorFile](), Media: yamlTypes,
	Answers: done[client.ConnectorChange](),
	Codes:   codes("connector_not_found connector_built_in connector_read_only connector_invalid connector_breaks_accounts"),
}

var removeConnector = About{
	ID: "removeConnector", Summary: "Remove a stored connector",
	Text:    "What stood behind it, built in or of a folder, is used again.",
	Params:  []Param{fileVersion},
	Answers: gone(),
	Codes:   codes("connector_not_found connector_built_in connector_read_only connector_in_use connector_breaks_accounts"),
}
