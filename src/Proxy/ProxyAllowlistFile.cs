using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace NitroEnclaves.Proxy;

/// <summary>The allowlist of AWS's <c>vsock-proxy</c> (eif-and-nitro-cli 3.9): <c>allowlist:</c> and a list of <c>{address, port}</c>.</summary>
public static class ProxyAllowlistFile
{
    /// <summary>The place of the file on a parent instance.</summary>
    public const string DefaultPath = "/etc/nitro_enclaves/vsock-proxy.yaml";

    const int MaxLength = 1024 * 1024;

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It is not of the form; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static ProxyAllowlist Load(string path)
    {
        using var reader = new StreamReader(path);
        if (reader.BaseStream.Length > MaxLength)
        {
            throw new FormatException($"{path} has more than {MaxLength} bytes: it is no allowlist.");
        }

        try
        {
            return Parse(reader);
        }
        catch (YamlException exception)
        {
            throw new FormatException($"{path}, line {exception.Start.Line}: {exception.Message}", exception);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a file. Members that it does not know are passed over.</summary>
    /// <exception cref="YamlException">It is not YAML of this form.</exception>
    /// <exception cref="FormatException">An entry is no server.</exception>
    public static ProxyAllowlist Parse(TextReader text)
    {
        var parser = new Parser(text);
        try
        {
            return Parse(parser);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // What the library throws for some malformed texts in place of its own exception.
            var at = parser.Current is { } current ? current.Start : Mark.Empty;
            throw new YamlException(at, at, "Bad yaml format", exception);
        }
    }

    static ProxyAllowlist Parse(Parser parser)
    {
        parser.Consume<StreamStart>();
        parser.Consume<DocumentStart>();
        parser.Consume<MappingStart>();
        List<string>? entries = null;
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (parser.Consume<Scalar>().Value != "allowlist")
            {
                parser.SkipThisAndNestedEvents();
                continue;
            }

            entries = [];
            parser.Consume<SequenceStart>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                entries.Add(ReadEntry(parser));
            }
        }

        return ProxyAllowlist.Parse(entries ?? throw new FormatException("No allowlist field."));
    }

    static string ReadEntry(Parser parser)
    {
        string? address = null;
        int? port = null;
        var start = parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            switch (parser.Consume<Scalar>().Value)
            {
                case "address":
                    address = parser.Consume<Scalar>().Value;
                    break;
                case "port":
                    var number = parser.Consume<Scalar>();
                    port = ushort.TryParse(number.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) && parsed > 0
                        ? parsed
                        : throw new YamlException(number.Start, number.End, "No port field or invalid type");
                    break;
                default:
                    parser.SkipThisAndNestedEvents();
                    break;
            }
        }

        if (address is null)
        {
            throw new YamlException(start.Start, start.End, "No address field");
        }

        if (port is null)
        {
            throw new YamlException(start.Start, start.End, "No port field or invalid type");
        }

        // There an IPv6 address stands without brackets, and a port is never part of it.
        var host = address.Contains(':', StringComparison.Ordinal) && !address.StartsWith('[') ? $"[{address}]" : address;
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
    }
}
