//! OpenID Connect: what is signed is checked by the library, all of it.

use super::Provider;
use super::ask::{Asked, Identity, Trouble};
use super::http::Http;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreProviderMetadata,
    CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope, SignatureVerificationError, TokenResponse,
};

/// What a provider says of itself, with its keys.
pub(super) type Metadata = CoreProviderMetadata;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider answered to a code; nothing of it is believed yet.
#[derive(Debug)]
pub(super) struct Answer(CoreTokenResponse);

fn refused(error: impl std::fmt::Display) -> Trouble {
    Trouble::Refused(error.to_string())
}

/// Asks a provider for its addresses and keys.
pub(super) fn metadata(http: &Http, provider: &Provider) -> Result<Metadata, Trouble> {
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(refused)?;
    CoreProviderMetadata::discover(&issuer, http).map_err(|error| match error {
        DiscoveryError::Request(trouble) => trouble,
        other => refused(other),
    })
}

fn client(provider: &Provider, metadata: &Metadata) -> Client {
    // By the head of the request where nothing else is said, as the standard has it.
    let by_body = metadata
        .token_endpoint_auth_methods_supported()
        .is_some_and(|methods| !methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
    CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(provider.client_id.clone()),
        Some(ClientSecret::new(
            provider.client_secret.reveal().to_owned(),
        )),
    )
    .set_auth_type(match by_body {
        true => AuthType::RequestBody,
        false => AuthType::BasicAuth,
    })
}

/// Where a browser is sent.
pub(super) fn address(
    provider: &Provider,
    metadata: &Metadata,
    asked: &Asked,
    back: &str,
) -> Result<String, Trouble> {
    let back = RedirectUrl::new(back.to_owned()).map_err(refused)?;
    let client = client(provider, metadata).set_redirect_uri(back);
    let verifier = PkceCodeVerifier::new(asked.verifier.clone());
    let (state, nonce) = (asked.state.clone(), asked.nonce.clone());
    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        )
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    // What the person is called, to propose a name; the address for mail is not asked for.
    let profile = Scope::new("profile".to_owned());
    let has_profile = metadata
        .scopes_supported()
        .is_none_or(|scopes| scopes.contains(&profile));
    if has_profile {
        request = request.add_scope(profile);
    }
    let (address, _, _) = request.url();
    Ok(address.to_string())
}

/// Exchanges a code for what the provider says.
pub(super) fn answer(
    http: &Http,
    provider: &Provider,
    metadata: &Metadata,
    asked: Asked,
    code: String,
    back: &str,
) -> Result<Answer, Trouble> {
    let back = RedirectUrl::new(back.to_owned()).map_err(refused)?;
    let answer = client(provider, metadata)
        .set_redirect_uri(back)
        .exchange_code(AuthorizationCode::new(code))
        .map_err(refused)?
        .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier))
        .request(http);
    answer.map(Answer).map_err(|error| match error {
        RequestTokenError::Request(trouble) => trouble,
        // What it answered may hold a token.
        RequestTokenError::Parse(..) => refused("its answer to the code cannot be read"),
        other => refused(other),
    })
}

impl Answer {
    /// Whether the key that it is signed with is one of those that the provider was known to have.
    pub(super) fn is_of_known_key(&self, provider: &Provider, metadata: &Metadata) -> bool {
        let client = client(provider, metadata);
        let unknown = self.0.id_token().map(|token| {
            let any = |_: Option<&Nonce>| Ok(());
            token.claims(&client.id_token_verifier(), any).err()
        });
        !matches!(
            unknown.flatten(),
            Some(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                    | SignatureVerificationError::CryptoError(_)
            ))
        )
    }

    /// Who it is, after every check: issuer, audience, signature, end, nonce, and that the tokens belong together.
    pub(super) fn identity(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        nonce: String,
    ) -> Result<Identity, Trouble> {
        let client = client(provider, metadata);
        let verifier = client.id_token_verifier();
        let token = self.0.id_token();
        let token = token.ok_or_else(|| refused("there is no ID token in its answer"))?;
        let claims = token
            .claims(&verifier, &Nonce::new(nonce))
            .map_err(refused)?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(refused)?;
            let key = token.signing_key(&verifier).map_err(refused)?;
            let access = self.0.access_token();
            let hash = AccessTokenHash::from_token(access, algorithm, key).map_err(refused)?;
            if hash != *expected {
                return Err(refused("its tokens do not belong together"));
            }
        }
        let shown = claims.preferred_username();
        Ok(Identity {
            subject: claims.subject().to_string(),
            shown: shown.map_or_else(String::new, |name| name.to_string()),
        })
    }
}
