package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var listWebhooks = About{
	ID: "listWebhooks", Summary: "List webhooks", Text: "In the order of their names, without their secrets.",
	Params: paged(), Answers: ok[client.Page[client.Webhook]](),
}

// onlySecret is what is confidential of a webhook that has just got a secret.
const onlySecret = "`secret`: whoever has it can sign deliveries. It is not shown again."

var createWebhook = About{
	ID: "createWebhook", Summary: "Create a webhook", Text: "It gets what happens from then on.",
	Body: of[client.NewWebhook](), Answers: secret(onlySecret, made[client.WebhookWithSecret]()), Codes: codes("webhook_exists"),
}

var getWebhook = About{
	ID: "getWebhook", Summary: "Get a webhook", Answers: ok[client.Webhook](), Codes: codes("webhook_not_found"),
}

var changeWebhook = About{
	ID: "updateWebhook", Summary: "Change a webhook", Text: "What is absent stays.",
	Body: of[client.WebhookChange](), Answers: done[client.Webhook](), Codes: codes("webhook_not_found webhook_read_only"),
}

var deleteWebhook = About{
	ID: "deleteWebhook", Summary: "Delete a webhook", Text: "What is still to be delivered is not.",
	Answers: gone(), Codes: codes("webhook_not_found webhook_read_only"),
}

var rotateWebhookSecret = About{
	ID: "rotateWebhookSecret", Summary: "Give a webhook a new secret", Text: "For a day, the one before signs too.",
	Answers: secret(onlySecret, done[client.WebhookWithSecret]()), Codes: codes("webhook_not_found webhook_read_only"),
}

var enableWebhook = About{
	ID: "enableWebhook", Summary: "Let a webhook get events again", Text: "One of the configuration, too, unless it is no longer there.",
	Answers: done[client.Webhook](), Codes: codes("webhook_not_found webhook_read_only"),
}

var disableWebhook = About{
	ID: "disableWebhook", Summary: "Stop a webhook from getting events",
	Answers: done[client.Webhook](), Codes: codes("webhook_not_found webhook_read_only"),
}

var listDeliveries = About{
	ID: "listDeliveries", Summary: "List a webhook's deliveries", Text: "The oldest first.",
	Params:  paged(oneOf("status", "How the delivery stands.", deliveryStatuses)),
	Answers: ok[client.Page[client.Delivery]](), Codes: codes("webhook_not_found"),
}

var replayDelivery = About{
	ID: "replayDelivery", Summary: "Send the event of a delivery once more", Text: "Whatever has become of it.",
	Answers: []Answer{{Status: http.StatusCreated, Type: of[client.Delivery](), Text: "The new delivery."}},
	Codes:   codes("webhook_not_found record_not_found webhook_disabled"),
}

var replayFailed = About{
	ID: "replayFailed", Summary: "Send once more what was given up",
	Text: "Unless another delivery of the same event has brought it or is to. It takes as long as there is to send; a second call for " +
		"the same webhook waits for the first.",
	Body: of[client.ReplayRequest](), Answers: done[client.Replayed](), Codes: codes("webhook_not_found webhook_disabled"),
}
