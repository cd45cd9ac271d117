using NitroEnclaves.Enclaves;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace NitroEnclaves.Cli;

/// <summary>The YAML file of <c>vhost-device-vsock</c>: <c>vms:</c> and a list of virtual machines, each a map of plain values.</summary>
static class VsockDeviceFile
{
    // The longest file that anybody needs is a few kilobytes.
    const int MaxLength = 1024 * 1024;

    /// <summary>Reads a file.</summary>
    /// <exception cref="CommandFailure">It is not of that form; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<VsockDeviceConfiguration> Read(FileInfo file)
    {
        if (file.Length > MaxLength)
        {
            throw new CommandFailure(3, $"{file} is no list of virtual machines: it has {file.Length} bytes.");
        }

        using var reader = file.OpenText();
        try
        {
            return Parse(reader);
        }
        // The library has exceptions of other types for some malformed texts.
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            throw new CommandFailure(17, $"{file} is not YAML: {exception.Message}");
        }
        catch (YamlException exception)
        {
            throw new CommandFailure(17, $"{file}, line {exception.Start.Line}: {exception.Message}");
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <exception cref="YamlException">It is not YAML of this form.</exception>
    public static IReadOnlyList<VsockDeviceConfiguration> Parse(TextReader text)
    {
        var parser = new Parser(text);
        var machines = new List<VsockDeviceConfiguration>();
        parser.Consume<StreamStart>();
        parser.Consume<DocumentStart>();
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>();
            if (key.Value != "vms")
            {
                throw new YamlException(key.Start, key.End, $"'{key.Value}' stands where \"vms\" is expected");
            }

            parser.Consume<SequenceStart>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                machines.Add(ReadMachine(parser));
            }
        }

        parser.Consume<DocumentEnd>();
        return machines.Count > 0 ? machines : throw new YamlException("there is no virtual machine under \"vms\"");
    }

    static VsockDeviceConfiguration ReadMachine(Parser parser)
    {
        var settings = new Dictionary<string, string>();
        var start = parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>();
            if (!settings.TryAdd(key.Value, ReadValue(parser)))
            {
                throw new YamlException(key.Start, key.End, $"'{key.Value}' stands twice");
            }
        }

        try
        {
            return VsockDeviceSettings.Convert(settings);
        }
        catch (CommandFailure failure)
        {
            throw new YamlException(start.Start, start.End, failure.Message);
        }
    }

    // Lists are written group1+group2 there, and as lists by whoever expects YAML to have them.
    static string ReadValue(Parser parser)
    {
        if (!parser.TryConsume<SequenceStart>(out _))
        {
            return parser.Consume<Scalar>().Value;
        }

        var values = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            values.Add(parser.Consume<Scalar>().Value);
        }

        return string.Join('+', values);
    }
}
