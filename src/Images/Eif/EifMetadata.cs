using System.Globalization;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>The metadata section of an image: who built it, from what, and what the builder wanted to add. Not measured.</summary>
public sealed class EifMetadata
{
    /// <summary>The image's name; tools default to the kernel's file name or the Docker reference.</summary>
    public required string ImageName { get; init; }

    /// <summary>The image's version; tools default to "1.0" or the Docker image id.</summary>
    public required string ImageVersion { get; init; }

    /// <summary>When the image was built, RFC 3339; see <see cref="FormatBuildTime"/>. Kept as the text that is in the file.</summary>
    public required string BuildTime { get; init; }

    /// <summary>The program that built the image.</summary>
    public required string BuildTool { get; init; }

    /// <summary>That program's version.</summary>
    public required string BuildToolVersion { get; init; }

    /// <summary>The operating system of the kernel, for example "Linux".</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>The kernel's version, for example "6.12.95".</summary>
    public required string KernelVersion { get; init; }

    /// <summary>What Docker says of the source image, any JSON value; null and JSON null mean none.</summary>
    public JsonElement? DockerInfo { get; init; }

    /// <summary>Whatever the builder adds, any JSON value (tools expect an object); null and JSON null mean nothing.</summary>
    public JsonElement? CustomMetadata { get; init; }

    /// <summary>A build time as the reference writes it: UTC, "+00:00", and 0, 3, 6 or 9 fraction digits as needed.</summary>
    public static string FormatBuildTime(DateTimeOffset time)
    {
        var utc = time.ToUniversalTime();
        long ticks = utc.Ticks % TimeSpan.TicksPerSecond;
        string fraction = ticks switch
        {
            0 => "",
            _ when ticks % TimeSpan.TicksPerMillisecond == 0 => utc.ToString("'.'fff", CultureInfo.InvariantCulture),
            _ when ticks % TimeSpan.TicksPerMicrosecond == 0 => utc.ToString("'.'ffffff", CultureInfo.InvariantCulture),
            _ => utc.ToString("'.'fffffff", CultureInfo.InvariantCulture) + "00",
        };
        return utc.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + fraction + "+00:00";
    }

    /// <summary>Reads the JSON of a metadata section.</summary>
    /// <param name="utf8Json">The section's data.</param>
    /// <exception cref="EifException">It is not UTF-8, not JSON, or lacks a member (<see cref="EifError.InvalidMetadata"/>).</exception>
    public static EifMetadata Parse(ReadOnlyMemory<byte> utf8Json) => EifMetadataJson.Read(utf8Json, 0);

    /// <summary>
    /// The JSON as the reference writes it: compact, the members of <see cref="DockerInfo"/> and <see cref="CustomMetadata"/>
    /// sorted by their names' UTF-8 bytes.
    /// </summary>
    public byte[] ToJson() => EifMetadataJson.Write(this);
}
