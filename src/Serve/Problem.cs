namespace NitroEnclaves.Serve;

/// <summary>A refusal, in the form of RFC 9457.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Title">What kind of failure it is.</param>
/// <param name="Detail">What failed, on what, what to do next.</param>
/// <param name="Code">The code of nitro-cli, which <c>nitro explain</c> tells more about; null where there is none.</param>
sealed record Problem(int Status, string Title, string Detail, string? Code = null);
