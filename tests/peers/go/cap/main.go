// An application with HashiCorp's cap, as Vault, Boundary and OpenBao use it. Arguments: the issuer, the client and its
// secret, the redirect URI, the scope, and "pkce" if it is to be used. Prints the address to sign in at, reads the
// address that the browser is sent back to, and prints the claims.
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
	"time"

	"github.com/hashicorp/cap/oidc"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	issuer, clientID, secret, redirectURI := os.Args[1], os.Args[2], oidc.ClientSecret(os.Args[3]), os.Args[4]
	config, err := oidc.NewConfig(issuer, clientID, secret, []oidc.Alg{oidc.RS256}, []string{redirectURI})
	check(err)
	provider, err := oidc.NewProvider(config)
	check(err)
	defer provider.Done()
	options := []oidc.Option{oidc.WithScopes(strings.Fields(os.Args[5])...)}
	if len(os.Args) > 6 {
		verifier, err := oidc.NewCodeVerifier()
		check(err)
		options = append(options, oidc.WithPKCE(verifier))
	}
	request, err := oidc.NewRequest(2*time.Minute, redirectURI, options...)
	check(err)
	address, err := provider.AuthURL(ctx, request)
	check(err)
	fmt.Println(address)

	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	callback, err := url.Parse(strings.TrimSpace(line))
	check(err)
	query := callback.Query()
	token, err := provider.Exchange(ctx, request, query.Get("state"), query.Get("code"))
	check(err)
	var claims, userInfo map[string]any
	check(token.IDToken().Claims(&claims))
	check(provider.UserInfo(ctx, token.StaticTokenSource(), claims["sub"].(string), &userInfo))
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"claims": claims, "userinfo": userInfo}))
}
