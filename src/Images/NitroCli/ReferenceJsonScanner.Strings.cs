using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace NitroEnclaves.Images;

sealed partial class ReferenceJsonScanner
{
    /// <summary>Takes a string, whose quote was peeked at.</summary>
    public string ReadString()
    {
        Take();
        var bytes = new List<byte>();
        while (true)
        {
            byte value = _index < json.Length ? json[_index] : throw Error("EOF while parsing a string");
            _index++;
            switch (value)
            {
                case (byte)'"':
                    byte[] text = [.. bytes];
                    return Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw Error("invalid unicode code point");
                case (byte)'\\':
                    ReadEscape(bytes);
                    break;
                case < 0x20:
                    throw Error("control character (\\u0000-\\u001F) found while parsing a string");
                default:
                    bytes.Add(value);
                    break;
            }
        }
    }

    void ReadEscape(List<byte> bytes)
    {
        int escape = Peek();
        if (escape < 0)
        {
            throw Error("EOF while parsing a string");
        }

        Take();
        if (escape == 'u')
        {
            ReadUnicodeEscape(bytes);
            return;
        }

        bytes.Add(escape switch
        {
            '"' or '\\' or '/' => (byte)escape,
            'b' => (byte)'\b',
            'f' => (byte)'\f',
            'n' => (byte)'\n',
            'r' => (byte)'\r',
            't' => (byte)'\t',
            _ => throw Error("invalid escape"),
        });
    }

    void ReadUnicodeEscape(List<byte> bytes)
    {
        int unit = ReadHex();
        var rune = Rune.ReplacementChar;
        if (char.IsLowSurrogate((char)unit))
        {
            throw Error("lone leading surrogate in hex escape");
        }

        if (char.IsHighSurrogate((char)unit))
        {
            if (Peek() != '\\')
            {
                Take();
                throw Error("unexpected end of hex escape");
            }

            Take();
            if (Peek() != 'u')
            {
                Take();
                throw Error("unexpected end of hex escape");
            }

            Take();
            if (!Rune.TryCreate((char)unit, (char)ReadHex(), out rune))
            {
                throw Error("lone leading surrogate in hex escape");
            }
        }
        else
        {
            rune = new Rune(unit);
        }

        Span<byte> utf8 = stackalloc byte[4];
        bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
    }

    int ReadHex()
    {
        if (json.Length - _index < 4)
        {
            _index = json.Length;
            throw Error("EOF while parsing a string");
        }

        _index += 4;
        return int.TryParse(json.AsSpan(_index - 4, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw Error("invalid escape");
    }
}
