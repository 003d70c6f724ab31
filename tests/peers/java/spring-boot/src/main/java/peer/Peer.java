package peer;

import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.annotation.Order;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A login and an API, as Spring Boot makes them from properties. */
@SpringBootApplication
@RestController
public class Peer {
    public static void main(String[] arguments) {
        SpringApplication.run(Peer.class, arguments);
    }

    @Bean
    @Order(1)
    SecurityFilterChain api(HttpSecurity http) throws Exception {
        return http.securityMatcher("/api/**")
            .authorizeHttpRequests(requests -> requests.anyRequest().hasAuthority("SCOPE_spring:read"))
            .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults()))
            .build();
    }

    @Bean
    SecurityFilterChain login(HttpSecurity http) throws Exception {
        return http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .oauth2Login(Customizer.withDefaults())
            .build();
    }

    @GetMapping("/user")
    Map<String, Object> user(
            @AuthenticationPrincipal OidcUser user,
            @RegisteredOAuth2AuthorizedClient("valetkey") OAuth2AuthorizedClient client) {
        return Map.of(
            "name", user.getName(),
            "groups", user.getIdToken().getClaimAsStringList("groups"),
            "email", user.getEmail(),
            "access_token", client.getAccessToken().getTokenValue());
    }

    @GetMapping("/api/whose")
    Map<String, Object> whose(@AuthenticationPrincipal Jwt token) {
        return Map.of("sub", token.getSubject(), "aud", token.getAudience(), "scope", List.of(token.getClaimAsString("scope")));
    }
}
