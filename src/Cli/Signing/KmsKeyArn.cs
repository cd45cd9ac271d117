using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace NitroEnclaves.Cli.Signing;

/// <summary>The name of a key in AWS KMS: what <c>--private-key</c> takes beside a file, in the form that nitro-cli knows.</summary>
/// <param name="Arn">The whole name, which also reaches keys of other accounts.</param>
/// <param name="Region">The region in it, where the key is asked for.</param>
sealed partial record KmsKeyArn(string Arn, string Region)
{
    /// <summary>Reads a name; false for what must be a file.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out KmsKeyArn? arn)
    {
        var match = Form().Match(text);
        arn = match.Success ? new KmsKeyArn(text, match.Groups[1].Value) : null;
        return match.Success;
    }

    [GeneratedRegex(@"^arn:aws[-a-z]*:kms:([a-z0-9-]+):[0-9]{12}:key[:/][A-Za-z0-9-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
