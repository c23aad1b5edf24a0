// Command go lists the last five unread e-mails of a Gmail account. It holds no token: it says whose
// account it means, and Claviger does the rest.
//
//	CLAVIGER_URL=http://127.0.0.1:8090 ACCOUNT=gmail/user_123 go run ./examples/go
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

var (
	proxy   = cmp.Or(os.Getenv("CLAVIGER_URL"), "http://127.0.0.1:8090")
	account = cmp.Or(os.Getenv("ACCOUNT"), "gmail/user_123")
)

func main() {
	log.SetFlags(0)
	var list struct{ Messages []struct{ ID string } }
	get("/gmail/v1/users/me/messages?q=is:unread&maxResults=5", &list)
	for _, m := range list.Messages {
		var mail struct {
			Payload struct {
				Headers []struct{ Name, Value string }
			}
		}
		get("/gmail/v1/users/me/messages/"+m.ID+"?format=metadata&metadataHeaders=Subject", &mail)
		for _, h := range mail.Payload.Headers {
			fmt.Println(h.Value)
		}
	}
}

// get reads a JSON document of Gmail's API.
func get(path string, into any) {
	req, err := http.NewRequest(http.MethodGet, proxy+path, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Connected-Account", account)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body) // says what to do, when it comes from Claviger
		log.Fatalf("%s: %s", resp.Status, text)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		log.Fatal(err)
	}
}
