using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>The id of a parent instance, <c>i-&lt;17 hex&gt;</c>. PCR4 of an enclave is made from it.</summary>
public readonly record struct InstanceId
{
    internal const int TextLength = 2 + 17;

    internal static readonly SearchValues<char> LowerHexDigits = SearchValues.Create("0123456789abcdef");

    readonly string? _text;

    InstanceId(string text) => _text = text;

    /// <summary>Reads an instance id.</summary>
    /// <exception cref="EnclaveException">The text is no instance id (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static InstanceId Parse(string text) => TryParse(text, out var id)
        ? id
        : throw new EnclaveException(
            EnclaveFailure.InvalidArgument, $"'{text}' is not an instance id: that is i- and 17 lower-case hexadecimal digits.");

    /// <summary>Reads an instance id; false when the text is none.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out InstanceId id)
    {
        var valid = text is { Length: TextLength } && text.StartsWith("i-", StringComparison.Ordinal)
            && !text.AsSpan(2).ContainsAnyExcept(LowerHexDigits);
        id = valid ? new InstanceId(text!) : default;
        return valid;
    }

    /// <summary>
    /// The id of this machine as a parent: on EC2 the instance's own (the board's asset tag), elsewhere a stable one made from
    /// <c>/etc/machine-id</c>, or from the host name where that file is missing.
    /// </summary>
    /// <param name="root">The folder under which <c>sys</c> and <c>etc</c> are looked for.</param>
    public static InstanceId OfThisMachine(string root = "/")
    {
        if (TryParse(ReadLine(Path.Combine(root, "sys/devices/virtual/dmi/id/board_asset_tag")), out var instance))
        {
            return instance;
        }

        var machine = ReadLine(Path.Combine(root, "etc/machine-id"));
        // The machine id is confidential (machine-id(5)): only a hash with a label of our own may leave the machine.
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes($"nitro-enclaves parent {machine ?? Environment.MachineName}"));
        return new InstanceId("i-" + Convert.ToHexStringLower(digest)[..17]);
    }

    /// <summary>The id's text.</summary>
    public override string ToString() => _text ?? "i-00000000000000000";

    static string? ReadLine(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } text ? text : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
