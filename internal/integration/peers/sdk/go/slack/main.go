// Command slack lists the channels and posts a message, with slack-go. Without a token the library
// sends an empty token parameter in its forms.
package main

import (
	"github.com/slack-go/slack"

	"peers/sdk/tag"
)

func main() { tag.Main(run) }

func run() (tag.Result, error) {
	client := slack.New("", slack.OptionAPIURL(tag.Base+"/api/"), slack.OptionHTTPClient(tag.Client))
	channels, _, err := client.GetConversations(&slack.GetConversationsParameters{})
	if err != nil {
		return tag.Result{}, err
	}
	var result tag.Result
	var alerts string
	for _, c := range channels {
		result.Read = append(result.Read, c.Name)
		if c.Name == "alerts" {
			alerts = c.ID
		}
	}
	_, result.Wrote, err = client.PostMessage(alerts, slack.MsgOptionText("alert from Go", false))
	return result, err
}
