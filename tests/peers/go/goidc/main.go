// An application with coreos/go-oidc and golang.org/x/oauth2, as their documentation has it. Arguments: the issuer, the
// client and its secret, the redirect URI, the scope. Prints the address to sign in at, reads the address that the
// browser is sent back to, and prints the claims.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, os.Args[1])
	check(err)
	config := oauth2.Config{
		ClientID:     os.Args[2],
		ClientSecret: os.Args[3],
		RedirectURL:  os.Args[4],
		Scopes:       strings.Fields(os.Args[5]),
		Endpoint:     provider.Endpoint(),
	}
	verifier := oauth2.GenerateVerifier()
	fmt.Println(config.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(verifier)))

	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	callback, err := url.Parse(strings.TrimSpace(line))
	check(err)
	token, err := config.Exchange(ctx, callback.Query().Get("code"), oauth2.VerifierOption(verifier))
	check(err)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, token.Extra("id_token").(string))
	check(err)
	var claims map[string]any
	check(idToken.Claims(&claims))
	check(idToken.VerifyAccessToken(token.AccessToken))
	user, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	check(err)
	var userInfo map[string]any
	check(user.Claims(&userInfo))
	renewed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	check(err)

	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"nonce":    idToken.Nonce,
		"claims":   claims,
		"userinfo": userInfo,
		"renewed":  renewed.AccessToken != token.AccessToken && renewed.RefreshToken != token.RefreshToken,
	}))
}
