package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var getStatus = About{
	ID: "getStatus", Summary: "Get how the server does",
	Text:    "It answers while the vault is out of order; then the numbers of accounts are absent.",
	Answers: ok[client.Status](),
}

var getDocument = About{
	ID: "getDocument", Summary: "Get this document",
	Answers: []Answer{
		{Status: http.StatusOK, Type: of[map[string]any](), Text: "An OpenAPI document.", ETag: true},
		{Status: http.StatusNotModified, Text: "It is the one that `If-None-Match` names.", ETag: true},
	},
	Params: []Param{{Name: "If-None-Match", Header: true, Text: "The `ETag` of a document that is there already."}},
}
