namespace NitroEnclaves.Images;

/// <summary>Why a container image could not be fetched.</summary>
public enum ContainerRegistryError
{
    /// <summary>The image's name is malformed.</summary>
    InvalidName,

    /// <summary>The registry cannot be reached.</summary>
    Unreachable,

    /// <summary>The registry wants other credentials, or any.</summary>
    Unauthorized,

    /// <summary>The registry has no such image, or none for this architecture.</summary>
    NotFound,

    /// <summary>The registry answered with another error.</summary>
    Refused,

    /// <summary>The registry's answer is malformed, or larger than it may be.</summary>
    MalformedAnswer,
}
