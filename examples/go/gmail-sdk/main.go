// Command gmail-sdk lists the last five unread e-mails of a Gmail account with Google's own library,
// which holds no token: the endpoint names the account, and Claviger does the rest.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"
)

var (
	proxy   = cmp.Or(os.Getenv("CLAVIGER_URL"), "http://127.0.0.1:8090")
	account = cmp.Or(os.Getenv("ACCOUNT"), "gmail/user_123")
)

func main() {
	log.SetFlags(0)
	service, err := gmail.NewService(context.Background(),
		option.WithEndpoint(proxy+"/@"+account+"/"), option.WithoutAuthentication())
	if err != nil {
		log.Fatal(err)
	}
	list, err := service.Users.Messages.List("me").Q("is:unread").MaxResults(5).Do()
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range list.Messages {
		mail, err := service.Users.Messages.Get("me", m.Id).Format("metadata").MetadataHeaders("Subject").Do()
		if err != nil {
			log.Fatal(err)
		}
		for _, h := range mail.Payload.Headers {
			fmt.Println(h.Value)
		}
	}
}
