namespace NitroEnclaves.Kms.Emulator;

/// <summary>An answer of the AWS JSON protocol that refuses a request: <c>{"__type": …, "message": …}</c> with status 400.</summary>
/// <param name="type">The error's name in KMS's API.</param>
/// <param name="message">What is wrong with the request.</param>
sealed class KmsErrorException(string type, string message) : Exception(message)
{
    /// <summary>The error's name in KMS's API.</summary>
    internal string Type { get; } = type;

    internal static KmsErrorException Validation(string message) => new("ValidationException", message);

    internal static KmsErrorException InvalidCiphertext(string message) => new("InvalidCiphertextException", message);

    internal static KmsErrorException MalformedPolicy(string message) => new("MalformedPolicyDocumentException", message);

    internal static KmsErrorException Unsupported(string message) => new("UnsupportedOperationException", message);
}
