package api

import "slices"

// groups are all routes: they are registered from here, and the document is made of it. What a route is
// about stands in the file of its group.
var groups = []Group{
	{"state", "How the server does.", []Operation{
		{Route: "GET /status", do: (*api).status, About: getStatus},
		{Route: "GET /openapi.json", do: (*api).showDocument, About: getDocument},
	}},
	{"connectors", "What the server knows about providers.", []Operation{
		{Route: "GET /connectors", do: (*api).listConnectors, About: listConnectors},
		{Route: "POST /connectors", do: (*api).addConnector, About: addConnector},
		{Route: "GET /connectors/{name}", do: (*api).showConnector, About: getConnector},
		{Route: "PUT /connectors/{name}", do: (*api).replaceConnector, About: replaceConnector},
		{Route: "DELETE /connectors/{name}", do: (*api).removeConnector, About: removeConnector},
	}},
	{"connections", "A connector with what this deployment has at the provider: an OAuth client, scopes, parameters.", []Operation{
		{Route: "GET /connections", do: (*api).listConnections, About: listConnections},
		{Route: "POST /connections", do: (*api).createConnection, About: createConnection},
		{Route: "GET /connections/{name}", do: (*api).showConnection, About: getConnection},
		{Route: "PATCH /connections/{name}", do: (*api).changeConnection, About: changeConnection},
		{Route: "DELETE /connections/{name}", do: (*api).deleteConnection, About: deleteConnection},
		{Route: "POST /connections/{name}/register", do: (*api).registerClient, About: registerClient},
		{Route: "DELETE /connections/{name}/earlier/{client}", do: (*api).forgetClient, About: forgetClient},
	}},
	{"apps", "Default apps: OAuth clients for the connections that bring none.", []Operation{
		{Route: "GET /apps", do: (*api).listApps, About: listApps},
		{Route: "POST /apps", do: (*api).createApp, About: createApp},
		{Route: "GET /apps/{connector}", do: (*api).showApp, About: getApp},
		{Route: "PATCH /apps/{connector}", do: (*api).changeApp, About: changeApp},
		{Route: "DELETE /apps/{connector}", do: (*api).deleteApp, About: deleteApp},
		{Route: "DELETE /apps/{connector}/earlier/{client}", do: (*api).forgetAppClient, About: forgetAppClient},
	}},
	{"links", "Authorization links: one-time invitations to consent.", []Operation{
		{Route: "GET /links", do: (*api).listLinks, About: listLinks},
		{Route: "POST /links", do: (*api).createLink, About: createLink},
		{Route: "GET /links/{id}", do: (*api).showLink, About: getLink},
		{Route: "DELETE /links/{id}", do: (*api).revokeLink, About: revokeLink},
	}},
	{"accounts", "Connected accounts.", []Operation{
		{Route: "GET /accounts", do: (*api).listAccounts, About: listAccounts},
		{Route: "POST /accounts", do: (*api).createAccount, About: createAccount},
		{Route: "GET /accounts/{id}", do: (*api).showAccount, About: getAccount},
		{Route: "GET /accounts/{connection}/{identifier}", do: (*api).showAccount, About: named(getAccount)},
		{Route: "PATCH /accounts/{id}", do: (*api).changeAccount, About: changeAccount},
		{Route: "PATCH /accounts/{connection}/{identifier}", do: (*api).changeAccount, About: named(changeAccount)},
		{Route: "PUT /accounts/{connection}/{identifier}", do: (*api).ensureAccount, About: ensureAccount},
		{Route: "DELETE /accounts/{id}", do: (*api).removeAccount, About: removeAccount},
		{Route: "DELETE /accounts/{connection}/{identifier}", do: (*api).removeAccount, About: named(removeAccount)},
		{Route: "POST /accounts/{id}/disconnect", do: (*api).disconnect, About: disconnectAccount},
		{Route: "POST /accounts/{connection}/{identifier}/disconnect", do: (*api).disconnect, About: named(disconnectAccount)},
		{Route: "POST /accounts/{id}/check", do: (*api).check, About: checkAccount},
		{Route: "POST /accounts/{connection}/{identifier}/check", do: (*api).check, About: named(checkAccount)},
		{Route: "POST /accounts/{id}/refresh", do: (*api).refresh, About: refreshAccount},
		{Route: "POST /accounts/{connection}/{identifier}/refresh", do: (*api).refresh, About: named(refreshAccount)},
		{Route: "GET /accounts/{id}/token", do: (*api).fetchToken, About: getToken},
		{Route: "GET /accounts/{connection}/{identifier}/token", do: (*api).fetchToken, About: named(getToken)},
		{Route: "POST /accounts/import", do: (*api).importAccounts, About: importAccounts},
	}},
	{"events", "What has happened to accounts.", []Operation{
		{Route: "GET /events", do: (*api).listEvents, About: listEvents},
		{Route: "GET /events/{id}", do: (*api).showEvent, About: getEvent},
	}},
	{"webhooks", "Endpoints of the app that get events.", []Operation{
		{Route: "GET /webhooks", do: (*api).listWebhooks, About: listWebhooks},
		{Route: "POST /webhooks", do: (*api).createWebhook, About: createWebhook},
		{Route: "GET /webhooks/{name}", do: (*api).showWebhook, About: getWebhook},
		{Route: "PATCH /webhooks/{name}", do: (*api).changeWebhook, About: changeWebhook},
		{Route: "DELETE /webhooks/{name}", do: (*api).deleteWebhook, About: deleteWebhook},
		{Route: "POST /webhooks/{name}/secret", do: (*api).rotateWebhookSecret, About: rotateWebhookSecret},
		{Route: "POST /webhooks/{name}/enable", do: (*api).enableWebhook, About: enableWebhook},
		{Route: "POST /webhooks/{name}/disable", do: (*api).disableWebhook, About: disableWebhook},
		{Route: "GET /webhooks/{name}/deliveries", do: (*api).listDeliveries, About: listDeliveries},
		{Route: "POST /webhooks/{name}/deliveries/{id}/replay", do: (*api).replayDelivery, About: replayDelivery},
		{Route: "POST /webhooks/{name}/replay", do: (*api).replayFailed, About: replayFailed},
	}},
	{"vault", "The vault: its keys, its records, its files.", []Operation{
		{Route: "GET /vault", do: (*api).showVault, About: getVault},
		{Route: "POST /vault/keys", do: (*api).addKey, About: addKey},
		{Route: "POST /vault/keys/{key}/promote", do: (*api).promoteKey, About: promoteKey},
		{Route: "POST /vault/keys/{key}/retire", do: (*api).retireKey, About: retireKey},
		{Route: "POST /vault/rotate", do: (*api).rotateKey, About: rotateKey},
		{Route: "POST /vault/rekey", do: (*api).rekey, About: rekey},
		{Route: "POST /vault/reseal", do: (*api).resumeReseal, About: resumeReseal},
		{Route: "POST /vault/reseal/pause", do: (*api).pauseReseal, About: pauseReseal},
		{Route: "POST /vault/backup", do: (*api).backup, About: backup},
		{Route: "POST /vault/verify", do: (*api).verify, About: verify},
		{Route: "POST /vault/compact", do: (*api).compact, About: compact},
		{Route: "POST /vault/forget", do: (*api).forget, About: forgetUser},
	}},
}

// Operations returns all routes, in the order of their groups.
func Operations() []Operation {
	var list []Operation
	for _, g := range groups {
		list = slices.Concat(list, g.Operations)
	}
	return list
}
