//! One OpenID provider: OpenID Connect Core 1.0 with the code flow, PKCE (RFC 7636, S256), state and nonce, and the
//! issuer's own word in the response (RFC 9207).
//!
//! The only place that names the library. What a provider says is believed after its ID token is checked: signature by
//! one of its keys with an algorithm of our list, issuer, audience, time and nonce. Its user info is not asked.

mod logout;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
    CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthenticationContextClass, AuthorizationCode,
    ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _,
};
use router::auth::direct::unix_now;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

pub use logout::Ended;

use crate::config::Provider;

/// How long what a provider says of itself is believed.
const FRESH: Duration = Duration::from_secs(600);
const ANSWER: Duration = Duration::from_secs(10);
/// The most that a provider's answer may have.
const MAX_ANSWER: usize = 1024 * 1024;
/// The most that a provider's clock may be ahead, in seconds.
const SKEW: i64 = 60;
/// Groups that are taken over from a token.
const MAX_GROUPS: usize = 4096;
const MAX_TEXT: usize = 256;

/// What the library has no field for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct More {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// OpenID Connect RP-Initiated Logout 1.0 §2.1.
    #[serde(default)]
    end_session_endpoint: Option<String>,
}

impl AdditionalProviderMetadata for More {}

/// Claims beside the standard ones, whatever they are.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Further {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Further {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Further,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type OpenIdClient = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What comes back is compared with these.
#[derive(Clone)]
pub struct Secrets {
    pub nonce: String,
    pub verifier: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Where to send the browser, and what to keep meanwhile.
#[derive(Debug)]
pub struct Begun {
    pub url: String,
    pub state: String,
    pub secrets: Secrets,
}

/// Somebody, as the provider's ID token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub subject: String,
    pub name: String,
    pub email: String,
    pub groups: Vec<String>,
    /// When they proved who they are, in seconds since 1970, if the provider says.
    pub auth_time: Option<u64>,
    /// How they proved it (`acr`), if the provider says.
    pub acr: Option<String>,
    /// What the provider calls its own session with this browser (`sid`); empty if it does not say.
    pub sid: String,
}

/// Why a login did not come about.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the provider cannot be reached, or is not what it should be: {0}")]
    Provider(String),
    #[error("the provider took the code for nothing: {0}")]
    Code(String),
    #[error("the provider's response names another issuer, or none where it should")]
    Issuer,
    #[error("the provider gave no ID token")]
    NoToken,
    #[error("the ID token was refused")]
    Token(#[source] ClaimsVerificationError),
}

/// See the module documentation.
pub struct OpenId {
    config: Provider,
    http: reqwest::Client,
    secret: ClientSecret,
    redirect: RedirectUrl,
    metadata: Mutex<Option<(Instant, Metadata)>>,
}

impl std::fmt::Debug for OpenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenId")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl OpenId {
    /// # Errors
    /// The secret or the certificates cannot be read.
    pub fn new(config: Provider, public_url: &str) -> anyhow::Result<Self> {
        let secret = std::fs::read_to_string(&config.client_secret_file).with_context(|| {
            format!(
                "provider {}: {} cannot be read; it holds the secret that the provider gave for {}",
                config.id,
                config.client_secret_file.display(),
                config.client_id
            )
        })?;
        let mut http = reqwest::Client::builder()
            // A redirect would let a provider send us to other machines of our network.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER);
        if let Some(file) = &config.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                http = http.add_root_certificate(certificate);
            }
        }
        let redirect = format!("{public_url}auth/callback/{}", config.id);
        Ok(Self {
            http: http.build()?,
            secret: ClientSecret::new(secret.trim().to_owned()),
            redirect: RedirectUrl::new(redirect)?,
            metadata: Mutex::new(None),
            config,
        })
    }

    pub fn id(&self) -> &str {
        &self.config.id
    }

    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether this was proven since the provider was asked anew at `asked`, and as strongly as the configuration wants.
    pub fn is_stepped_up(&self, known: &Known, asked: u64) -> bool {
        let skew = SKEW.unsigned_abs();
        let now = unix_now();
        let fresh = known
            .auth_time
            .is_some_and(|at| at + skew >= asked && at <= now + skew);
        let strong = self.config.acr_values.is_empty()
            || known
                .acr
                .as_ref()
                .is_some_and(|acr| self.config.acr_values.contains(acr));
        fresh && strong
    }

    /// Begins a login; `anew`: whoever it is proves it again, whatever the provider remembers (OpenID Connect Core 1.0
    /// §3.1.2.1, `max_age=0` and `acr_values`).
    ///
    /// # Errors
    /// The provider cannot be asked what it is.
    pub async fn begin(&self, anew: bool) -> Result<Begun, LoginError> {
        let client = self.client(&self.metadata(false).await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut asked = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in self.config.scopes.iter().filter(|scope| *scope != "openid") {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        if anew {
            asked = asked.set_max_age(Duration::ZERO);
            for acr in &self.config.acr_values {
                asked = asked.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
            }
        }
        let (url, state, nonce) = asked.url();
        Ok(Begun {
            url: url.into(),
            state: state.secret().clone(),
            secrets: Secrets {
                nonce: nonce.secret().clone(),
                verifier: verifier.into_secret(),
            },
        })
    }

    /// Ends a login: trades the code for an ID token and reads that.
    ///
    /// # Errors
    /// Whatever is not the answer of this provider to this login.
    pub async fn finish(&self, code: &str, iss: Option<&str>, secrets: Secrets) -> Result<Known, LoginError> {
        let metadata = self.metadata(false).await?;
        let issuer = metadata.issuer().as_str();
        let named = match iss {
            Some(iss) => iss == issuer,
            None => {
                !metadata
                    .additional_metadata()
                    .authorization_response_iss_parameter_supported
            }
        };
        if !named {
            return Err(LoginError::Issuer);
        }
        let http = |request: HttpRequest| call(self.http.clone(), request);
        let tokens = self
            .client(&metadata)
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| LoginError::Provider(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier))
            .request_async(&http)
            .await
            .map_err(|error| LoginError::Code(words(&error)))?;
        let token = tokens.id_token().ok_or(LoginError::NoToken)?;
        let nonce = Nonce::new(secrets.nonce);
        let read = |metadata: &Metadata| {
            let client = self.client(metadata);
            let verifier = client
                .id_token_verifier()
                .set_allowed_algs([
                    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                    CoreJwsSigningAlgorithm::EdDsa,
                ])
                .set_issue_time_verifier_fn(|issued| {
                    let ahead = issued.timestamp().saturating_sub_unsigned(unix_now());
                    if ahead > SKEW {
                        return Err(format!(
                            "issued {ahead} s in the router's future: set both clocks right"
                        ));
                    }
                    Ok(())
                });
            token.claims(&verifier, &nonce).cloned()
        };
        let claims = match read(&metadata) {
            // It may have a new key since it was last asked.
            Err(ClaimsVerificationError::SignatureVerification(_)) => read(&self.metadata(true).await?),
            read => read,
        }
        .map_err(LoginError::Token)?;
        let text =
            |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect() };
        let subject = claims.subject().as_str().to_owned();
        let email = claims
            .email()
            .map_or_else(String::new, |email| text(email.as_str()));
        let name = claims
            .name()
            .and_then(|names| names.get(None))
            .map(|name| text(name.as_str()))
            .or_else(|| claims.preferred_username().map(|name| text(name.as_str())))
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| {
                if email.is_empty() {
                    text(&subject)
                } else {
                    email.clone()
                }
            });
        Ok(Known {
            groups: groups(&claims.additional_claims().all, &self.config.groups_claim),
            auth_time: claims
                .auth_time()
                .and_then(|time| u64::try_from(time.timestamp()).ok()),
            acr: claims.auth_context_ref().map(|acr| acr.as_str().to_owned()),
            sid: claims
                .additional_claims()
                .all
                .get("sid")
                .and_then(Value::as_str)
                .filter(|sid| sid.len() <= MAX_TEXT)
                .unwrap_or_default()
                .to_owned(),
            subject,
            name,
            email,
        })
    }

    fn client(&self, metadata: &Metadata) -> OpenIdClient {
        OpenIdClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.config.client_id.clone()),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect.clone())
    }

    async fn metadata(&self, anew: bool) -> Result<Metadata, LoginError> {
        let mut kept = self.metadata.lock().await;
        if let Some((at, metadata)) = kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH)
            // Whoever sends tokens with unknown keys must not make us ask without end.
            && (!anew || at.elapsed() < Duration::from_secs(5))
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.config.issuer.clone())
            .map_err(|error| LoginError::Provider(error.to_string()))?;
        let http = |request: HttpRequest| call(self.http.clone(), request);
        let found = Metadata::discover_async(issuer, &http)
            .await
            .map_err(|error| LoginError::Provider(words(&error)))?;
        *kept = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}

/// Groups are a list of texts, or one text.
fn groups(claims: &Map<String, Value>, name: &str) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|group| !group.is_empty() && group.len() <= MAX_TEXT)
            .map(str::to_owned)
    };
    // A name as it is, or else a way into objects, as in `realm_access.roles`.
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Value::Array(groups)) => groups.iter().filter_map(text).take(MAX_GROUPS).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Call(#[from] reqwest::Error),
    #[error("an answer of more than {MAX_ANSWER} bytes")]
    TooLong,
    #[error(transparent)]
    Shape(#[from] openidconnect::http::Error),
}

async fn call(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let mut response = http.execute(request.try_into()?).await?;
    let mut built = openidconnect::http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        built = built.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(built.body(body)?)
}

#[cfg(test)]
mod tests;
