// Asks the authenticator of kube-apiserver whose a token is. The flags are those of kube-apiserver, with its defaults;
// the token comes on the input. Prints the user as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

var (
	issuer         = flag.String("oidc-issuer-url", "", "")
	clientID       = flag.String("oidc-client-id", "", "")
	usernameClaim  = flag.String("oidc-username-claim", "sub", "")
	usernamePrefix = flag.String("oidc-username-prefix", "", "")
	groupsClaim    = flag.String("oidc-groups-claim", "", "")
	groupsPrefix   = flag.String("oidc-groups-prefix", "", "")
	caFile         = flag.String("oidc-ca-file", "", "")
)

// The documented default of --oidc-username-prefix: names that are no e-mail addresses get the issuer before them.
func prefixOfUsernames() string {
	switch {
	case *usernamePrefix == "-":
		return ""
	case *usernamePrefix == "" && *usernameClaim != "email":
		return *issuer + "#"
	}
	return *usernamePrefix
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	ca, err := dynamiccertificates.NewDynamicCAContentFromFile("oidc-authenticator", *caFile)
	if err != nil {
		log.Fatal(err)
	}
	prefix := prefixOfUsernames()
	mappings := apiserver.ClaimMappings{
		Username: apiserver.PrefixedClaimOrExpression{Claim: *usernameClaim, Prefix: &prefix},
	}
	if *groupsClaim != "" {
		mappings.Groups = apiserver.PrefixedClaimOrExpression{Claim: *groupsClaim, Prefix: groupsPrefix}
	}
	authenticator, err := oidc.New(ctx, oidc.Options{
		CAContentProvider: ca,
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer:        apiserver.Issuer{URL: *issuer, Audiences: []string{*clientID}},
			ClaimMappings: mappings,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for authenticator.HealthCheck() != nil {
		if ctx.Err() != nil {
			log.Fatal(authenticator.HealthCheck())
		}
		time.Sleep(10 * time.Millisecond)
	}

	token, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	answer, ok, err := authenticator.AuthenticateToken(ctx, strings.TrimSpace(string(token)))
	if err != nil || !ok {
		log.Fatal("refused: ", err)
	}
	user := answer.User
	err = json.NewEncoder(os.Stdout).Encode(map[string]any{"name": user.GetName(), "groups": user.GetGroups()})
	if err != nil {
		log.Fatal(err)
	}
}
