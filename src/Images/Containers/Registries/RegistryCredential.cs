namespace NitroEnclaves.Images;

/// <summary>What opens a registry.</summary>
/// <param name="UserName">The user; of no meaning with an identity token.</param>
/// <param name="Secret">The password or the token.</param>
/// <param name="IsIdentityToken">True where <paramref name="Secret"/> is an OAuth2 refresh token.</param>
public sealed record RegistryCredential(string UserName, string Secret, bool IsIdentityToken = false)
{
    /// <summary>The user only: secrets stay out of messages and logs.</summary>
    public override string ToString() => UserName;
}
