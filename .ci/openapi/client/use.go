package main

import (
	"context"
	"fmt"
)

// use does what an app does with the API, and looks at what comes back.
func use(ctx context.Context, c *ClientWithResponses) error {
	status, err := c.GetStatusWithResponse(ctx)
	if err != nil || status.JSON200 == nil || !status.JSON200.Vault.Ok || status.JSON200.Connections != 0 {
		return wrong("status", err, status)
	}
	document, err := c.GetDocumentWithResponse(ctx, nil)
	if err != nil || document.JSON200 == nil || (*document.JSON200)["openapi"] != "3.1.0" {
		return wrong("the document", err, document)
	}
	limit := 5
	first, err := c.ListConnectorsWithResponse(ctx, &ListConnectorsParams{Limit: &limit})
	if err != nil || first.JSON200 == nil || len(first.JSON200.Items) != limit || first.JSON200.Next == nil {
		return wrong("the first connectors", err, first)
	}
	next, err := c.ListConnectorsWithResponse(ctx, &ListConnectorsParams{Limit: &limit, After: first.JSON200.Next})
	if err != nil || next.JSON200 == nil || next.JSON200.Items[0].Name <= first.JSON200.Items[limit-1].Name {
		return wrong("the next connectors", err, next)
	}
	id, secret := "claviger-demo", "EXAMPLE"
	work := NewConnection{Name: "work", Connector: "demo", ClientId: &id, ClientSecret: &secret, Params: &map[string]string{"port": "9090"}}
	key := "k-1"
	made, err := c.CreateConnectionWithResponse(ctx, &CreateConnectionParams{IdempotencyKey: &key}, work)
	if err != nil || made.JSON201 == nil || !made.JSON201.HasClientSecret || made.JSON201.RedirectUri == nil {
		return wrong("a connection", err, made)
	}
	same, err := c.CreateConnectionWithResponse(ctx, &CreateConnectionParams{IdempotencyKey: &key}, work)
	if err != nil || same.JSON201 == nil || same.JSON201.Id != made.JSON201.Id || same.HTTPResponse.Header.Get("Idempotent-Replayed") != "true" {
		return wrong("the connection with the same key", err, same)
	}
	again, err := c.CreateConnectionWithResponse(ctx, nil, work)
	if err != nil || again.ApplicationproblemJSON409 == nil || again.ApplicationproblemJSON409.Code != "connection_exists" {
		return wrong("the connection again", err, again)
	}
	link, err := c.CreateLinkWithResponse(ctx, nil, NewLink{Connection: "work", Identifier: "ada"})
	if err != nil || link.JSON201 == nil || link.JSON201.Url == nil {
		return wrong("a link", err, link)
	}
	accounts, err := c.ListAccountsWithResponse(ctx, &ListAccountsParams{Connection: &work.Name})
	if err != nil || accounts.JSON200 == nil || accounts.JSON200.Items == nil || len(accounts.JSON200.Items) != 0 {
		return wrong("accounts", err, accounts)
	}
	if err := useAccount(ctx, c, "work"); err != nil {
		return err
	}
	unknown := "ACTIV"
	refused, err := c.ListAccountsWithResponse(ctx, &ListAccountsParams{Status: (*ListAccountsParamsStatus)(&unknown)})
	if err != nil || refused.ApplicationproblemJSONDefault == nil || refused.ApplicationproblemJSONDefault.Code != "parameter_invalid" {
		return wrong("accounts of no status", err, refused)
	}
	return nil
}

// useAccount makes an account, and changes what is kept with it.
func useAccount(ctx context.Context, c *ClientWithResponses, connection string) error {
	made, err := c.EnsureAccountWithResponse(ctx, connection, "bob", nil, PendingAccount{Labels: &map[string]string{"team": "red", "plan": "pro"}})
	if err != nil || made.JSON201 == nil || made.JSON201.Status != "PENDING_AUTH" {
		return wrong("an account", err, made)
	}
	blue, tag := "blue", made.HTTPResponse.Header.Get("ETag")
	change := AccountChange{Labels: &map[string]*string{"team": &blue, "plan": nil}}
	changed, err := c.UpdateAccountWithResponse(ctx, made.JSON201.Id, &UpdateAccountParams{IfMatch: &tag}, change)
	if err != nil || changed.JSON200 == nil || len(*changed.JSON200.Labels) != 1 || (*changed.JSON200.Labels)["team"] != blue {
		return wrong("a change of the account", err, changed)
	}
	late, err := c.UpdateAccountWithResponse(ctx, made.JSON201.Id, &UpdateAccountParams{IfMatch: &tag}, change)
	if err != nil || late.ApplicationproblemJSON412 == nil || late.ApplicationproblemJSON412.Code != "precondition_failed" {
		return wrong("a change that comes too late", err, late)
	}
	found, err := c.ListAccountsWithResponse(ctx, &ListAccountsParams{Label: &[]string{"team=blue"}})
	if err != nil || found.JSON200 == nil || len(found.JSON200.Items) != 1 {
		return wrong("accounts with a label", err, found)
	}
	return nil
}

// wrong says what has come in place of what was asked for.
func wrong[R interface{ Status() string }](what string, err error, answer *R) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %s", what, (*answer).Status())
}
