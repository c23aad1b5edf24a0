package examples

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// newGmail starts a server that speaks the part of Gmail's API that the examples use, over a mailbox of
// the provider. It hands on the token it gets, so a wrong one is refused.
func newGmail(t *testing.T, p *fakeprovider.Server) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /$discovery/rest", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(discovery))
	})
	mux.HandleFunc("GET /gmail/v1/users/me/messages", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("q") != "is:unread" {
			http.Error(w, "the examples ask for unread mail", http.StatusBadRequest)
			return
		}
		var list struct{ Messages []fakeprovider.Message }
		if ask(w, r, p.URL()+"/api/messages?unread=true&limit="+r.FormValue("maxResults"), &list) {
			type id struct {
				ID string `json:"id"`
			}
			ids := []id{}
			for _, m := range list.Messages {
				ids = append(ids, id{m.ID})
			}
			json.NewEncoder(w).Encode(map[string]any{"messages": ids, "resultSizeEstimate": len(ids)})
		}
	})
	mux.HandleFunc("GET /gmail/v1/users/me/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("format") != "metadata" || r.FormValue("metadataHeaders") != "Subject" {
			http.Error(w, "the examples ask for the subject", http.StatusBadRequest)
			return
		}
		var m fakeprovider.Message
		if ask(w, r, p.URL()+"/api/messages/"+r.PathValue("id"), &m) {
			json.NewEncoder(w).Encode(map[string]any{"id": m.ID, "payload": map[string]any{
				"headers": []map[string]string{{"name": "Subject", "value": m.Subject}},
			}})
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// ask reads a document of the provider with the request's credential. It passes a refusal on.
func ask(w http.ResponseWriter, r *http.Request, url string, into any) bool {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return false
	}
	req.Header.Set("Authorization", r.Header.Get("Authorization"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return false
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", "application/json")
	if resp.StatusCode != http.StatusOK {
		w.WriteHeader(resp.StatusCode)
		return false
	}
	return json.NewDecoder(resp.Body).Decode(into) == nil
}

// discovery describes the two methods in the form of Google's discovery service.
const discovery = `{
  "name": "gmail", "version": "v1", "rootUrl": "https://gmail.googleapis.com/", "servicePath": "",
  "baseUrl": "https://gmail.googleapis.com/", "batchPath": "batch", "parameters": {},
  "schemas": {"Answer": {"id": "Answer", "type": "object", "properties": {}}},
  "resources": {"users": {"resources": {"messages": {"methods": {
    "list": {"id": "gmail.users.messages.list", "httpMethod": "GET", "path": "gmail/v1/users/{userId}/messages",
      "response": {"$ref": "Answer"}, "parameterOrder": ["userId"], "parameters": {
        "userId": {"type": "string", "location": "path", "required": true},
        "q": {"type": "string", "location": "query"},
        "maxResults": {"type": "integer", "format": "uint32", "location": "query"}}},
    "get": {"id": "gmail.users.messages.get", "httpMethod": "GET", "path": "gmail/v1/users/{userId}/messages/{id}",
      "response": {"$ref": "Answer"}, "parameterOrder": ["userId", "id"], "parameters": {
        "userId": {"type": "string", "location": "path", "required": true},
        "id": {"type": "string", "location": "path", "required": true},
        "format": {"type": "string", "location": "query"},
        "metadataHeaders": {"type": "string", "location": "query", "repeated": true}}}}}}}}}
`
