package api_test

import (
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// closed are the fields that have one of a few values, and what those are. Of a list it is its elements.
// What may grow without a change of what clients do with it, such as codes and types of events in answers, is not here.
var closed = map[string][]string{
	"Account.status":             accountStatuses,
	"ImportAccount.status":       accountStatuses,
	"Account.last_error_class":   {"permanent", "operator", "transient", "malformed"},
	"App.origin":                 {client.OriginConfig, client.OriginAPI},
	"Connection.origin":          {client.OriginConfig, client.OriginAPI},
	"Webhook.origin":             {client.OriginConfig, client.OriginAPI},
	"ConnectorSummary.origin":    {client.OriginBuiltin, client.OriginFolder, client.OriginStored},
	"ConnectorChange.origin":     {client.OriginStored},
	"ConnectorChange.replaces":   {client.OriginBuiltin, client.OriginFolder, client.OriginStored},
	"ConnectorSummary.mode":      connectorModes,
	"Way.mode":                   connectorModes,
	"Tested.how":                 {"documentation", "account", "emulator", "unverified"},
	"Connector.pkce":             {"required", "off"},
	"Refresh.rotates":            {"always", "sometimes", "never"},
	"Scopes.incremental":         {"merge", "include_granted"},
	"Injection.in":               {"header", "query", "path", "cookie", "body", "basic"},
	"LinkState.status":           {client.LinkOpen, client.LinkStarted, client.LinkChoice, client.LinkConnected, client.LinkFailed, client.LinkExpired},
	"Delivery.status":            {client.DeliveryPending, client.DeliveryDelivered, client.DeliveryFailed},
	"Webhook.disabled_reason":    {"gone", "failing", "operator", "not_configured"},
	"NewWebhook.events":          eventTypes(),
	"WebhookChange.events":       eventTypes(),
	"ImportedAccount.outcome":    {client.ImportCreated, client.ImportReplaced, client.ImportExists, client.ImportRefused},
	"ImportedConnection.outcome": {client.ImportCreated, client.ImportReplaced, client.ImportExists, client.ImportRefused},
}

var accountStatuses = []string{
	client.StatusActive, client.StatusExpired, client.StatusPendingAuth, client.StatusPendingVerification, client.StatusDisconnected,
}

var connectorModes = []string{
	client.ModeCode, client.ModeClientCredentials, client.ModePassword, client.ModeDevice, client.ModeJWTBearer, client.ModeSAMLBearer,
	client.ModeTokenExchange, client.ModeJWT, client.ModeOAuth1, client.ModeLogin, client.ModeStatic, client.ModeNone,
}

func eventTypes() (list []string) {
	for _, t := range vault.EventTypes() {
		list = append(list, string(t))
	}
	return list
}

// secrets are the fields that are confidential, or may have something in them that is.
var secrets = setOfNames(`
	NewConnection.client_secret NewConnection.client_secrets NewConnection.params
	ConnectionChange.client_secrets ConnectionChange.add_client_secrets ConnectionChange.secret_params
	NewOAuthClient.client_secrets NewApp.client_secrets NewApp.params
	AppChange.client_secrets AppChange.add_client_secrets AppChange.params
	NewLink.inputs NewAccount.inputs NewWebhook.secret
	ImportGrant.access_token ImportGrant.refresh_token ImportGrant.id_token ImportGrant.captured ImportGrant.slots ImportGrant.inputs
	Link.url Link.user_code Link.verification_uri_complete Token.access_token WebhookWithSecret.secret Webhook.url`)

// nulled are the fields that null may stand in, beside those of maps: there is none then.
var nulled = setOfNames("AccountChange.metadata PendingAccount.metadata ImportAccount.metadata")

func setOfNames(text string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(text) {
		set[name] = true
	}
	return set
}
