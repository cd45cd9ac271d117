using System.Buffers;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>Writes objects as serde_json's pretty form has them: two spaces a level, names in the order given, also twice.</summary>
sealed class PrettyJsonWriter
{
    readonly ArrayBufferWriter<byte> _output = new();
    int _level;
    bool _empty;

    /// <summary>The text so far.</summary>
    public ReadOnlySpan<byte> Written => _output.WrittenSpan;

    /// <summary>Opens an object; as a member where <paramref name="name"/> is given.</summary>
    public void BeginObject(string? name = null)
    {
        if (name is not null)
        {
            Name(name);
        }

        _output.Write("{"u8);
        _level++;
        _empty = true;
    }

    /// <summary>Closes the object opened last.</summary>
    public void EndObject()
    {
        _level--;
        if (!_empty)
        {
            OrderedJson.NewLine(_output, 0, _level);
        }

        _output.Write("}"u8);
        _empty = false;
    }

    /// <summary>A string member.</summary>
    public void Member(string name, string value)
    {
        Name(name);
        OrderedJson.WriteString(_output, value);
    }

    /// <summary>A boolean member.</summary>
    public void Member(string name, bool value)
    {
        Name(name);
        _output.Write(value ? "true"u8 : "false"u8);
    }

    /// <summary>A number member.</summary>
    public void Member(string name, int value)
    {
        Name(name);
        _output.Write(System.Text.Encoding.ASCII.GetBytes(value.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>A member of any value; null is written as JSON null.</summary>
    public void Member(string name, JsonElement? value)
    {
        Name(name);
        OrderedJson.Write(_output, value, _level);
    }

    void Name(string name)
    {
        if (!_empty)
        {
            _output.Write(","u8);
        }

        OrderedJson.NewLine(_output, 0, _level);
        OrderedJson.WriteString(_output, name);
        _output.Write(": "u8);
        _empty = false;
    }
}
