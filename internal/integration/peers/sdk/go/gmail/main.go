// Command gmail lists the five latest unread messages and makes a label, with Google's own library.
package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"peers/sdk/tag"
)

func main() { tag.Main(run) }

func run() (tag.Result, error) {
	// An HTTP client of our own turns the library's search for credentials off.
	s, err := gmail.NewService(context.Background(), option.WithEndpoint(tag.Base+"/"), option.WithHTTPClient(tag.Client))
	if err != nil {
		return tag.Result{}, err
	}
	list, err := s.Users.Messages.List("me").Q("is:unread").MaxResults(5).Do()
	if err != nil {
		return tag.Result{}, err
	}
	var result tag.Result
	for _, m := range list.Messages {
		result.Read = append(result.Read, m.Id)
	}
	// Not Send: the emulator's historyId does not fit the type that this library decodes it into.
	label, err := s.Users.Labels.Create("me", &gmail.Label{Name: fmt.Sprintf("go-%d", time.Now().UnixNano())}).Do()
	if err != nil {
		return tag.Result{}, err
	}
	result.Wrote = label.Name
	return result, nil
}
