package peer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.util.URLUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.pac4j.core.context.CallContext;
import org.pac4j.core.context.WebContext;
import org.pac4j.core.context.session.SessionStore;
import org.pac4j.core.exception.http.WithLocationAction;
import org.pac4j.core.http.callback.NoParameterCallbackUrlResolver;
import org.pac4j.oidc.client.OidcClient;
import org.pac4j.oidc.config.OidcConfiguration;
import org.pac4j.oidc.profile.OidcProfile;

/**
 * pac4j, set up as Jenkins' plugin oic-auth does it. Arguments: the issuer, the client and its secret, the redirect URI,
 * the scope, where to go after the logout. Prints the address to sign in at, reads the address that the browser is sent
 * back to, and prints what is known of the user.
 */
public class Pac4j {
    private static final Map<String, Object> SESSION = new HashMap<>();
    private static Map<String, List<String>> parameters = Map.of();

    public static void main(String[] arguments) throws Exception {
        var configuration = new OidcConfiguration()
            .setClientId(arguments[1])
            .setSecret(arguments[2])
            .setDiscoveryURI(arguments[0] + "/.well-known/openid-configuration")
            .setScope(arguments[4])
            .setUseNonce(true)
            .setDisablePkce(false)
            .setPkceMethod(CodeChallengeMethod.S256);
        var client = new OidcClient(configuration);
        client.setCallbackUrl(arguments[3]);
        client.setCallbackUrlResolver(new NoParameterCallbackUrlResolver());
        var call = new CallContext(of(WebContext.class, Pac4j::request), of(SessionStore.class, Pac4j::session));

        System.out.println(((WithLocationAction) client.getRedirectionAction(call).orElseThrow()).getLocation());
        var callback = URI.create(new BufferedReader(new InputStreamReader(System.in)).readLine());
        parameters = URLUtils.parseParameters(callback.getRawQuery());

        var credentials = client.validateCredentials(call, client.getCredentials(call).orElseThrow()).orElseThrow();
        var profile = (OidcProfile) client.getUserProfile(call, credentials).orElseThrow();
        configuration.setUseNonceOnRefresh(false);
        var renewed = (OidcProfile) client.renewUserProfile(call, profile).orElseThrow();
        var logout = (WithLocationAction) client.getLogoutAction(call, renewed, arguments[5]).orElseThrow();

        System.out.println(new ObjectMapper().writeValueAsString(Map.of(
            "sub", profile.getId(),
            "username", profile.getUsername(),
            "email", profile.getEmail(),
            "groups", profile.getAttribute("groups"),
            "renewed", !renewed.getRefreshToken().equals(profile.getRefreshToken()),
            "logout", logout.getLocation())));
    }

    private static Object request(Object proxy, java.lang.reflect.Method method, Object[] arguments) {
        return switch (method.getName()) {
            case "getRequestParameters" -> {
                var arrays = new HashMap<String, String[]>();
                parameters.forEach((name, values) -> arrays.put(name, values.toArray(String[]::new)));
                yield arrays;
            }
            case "getRequestParameter" -> Optional.ofNullable(parameters.get(arguments[0])).map(values -> values.get(0));
            case "getRequestAttribute", "getRequestHeader" -> Optional.empty();
            case "getRequestMethod" -> "GET";
            default -> throw new UnsupportedOperationException(method.toString());
        };
    }

    private static Object session(Object proxy, java.lang.reflect.Method method, Object[] arguments) {
        return switch (method.getName()) {
            case "get" -> Optional.ofNullable(SESSION.get(arguments[1]));
            case "set" -> SESSION.put((String) arguments[1], arguments[2]);
            case "getSessionId" -> Optional.of("session");
            default -> throw new UnsupportedOperationException(method.toString());
        };
    }

    private static <T> T of(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
