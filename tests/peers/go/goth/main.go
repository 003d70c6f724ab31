// An application with goth, as Gitea uses it: neither code_challenge nor nonce. Arguments: the issuer, the client and its
// secret, the redirect URI, the scope. Prints the address to sign in at, reads the address that the browser is sent
// back to, and prints what is known of the user.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/markbates/goth/providers/openidConnect"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	metadata := os.Args[1] + "/.well-known/openid-configuration"
	provider, err := openidConnect.New(os.Args[2], os.Args[3], os.Args[4], metadata, strings.Fields(os.Args[5])...)
	check(err)
	session, err := provider.BeginAuth("the state")
	check(err)
	address, err := session.GetAuthURL()
	check(err)
	fmt.Println(address)

	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	callback, err := url.Parse(strings.TrimSpace(line))
	check(err)
	_, err = session.Authorize(provider, callback.Query())
	check(err)
	user, err := provider.FetchUser(session)
	check(err)

	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"sub":      user.UserID,
		"nickname": user.NickName,
		"name":     user.Name,
		"email":    user.Email,
		"groups":   user.RawData["groups"],
	}))
}
