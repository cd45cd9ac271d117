using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>
/// Walks through JSON and reports what is wrong with it in serde_json's words, at serde_json's place: line and column of the
/// last byte taken, or of the next one.
/// </summary>
sealed partial class ReferenceJsonScanner(byte[] json)
{
    const int MaxDepth = 128;

    int _index;

    /// <summary>The next byte that is not white space, not taken; -1 at the end.</summary>
    public int PeekToken()
    {
        while (_index < json.Length && json[_index] is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r')
        {
            _index++;
        }

        return Peek();
    }

    /// <summary>Takes the byte that was peeked at.</summary>
    public void Take() => _index++;

    /// <summary>Nothing but white space may follow.</summary>
    public void End()
    {
        if (PeekToken() >= 0)
        {
            throw ErrorAhead("trailing characters");
        }
    }

    /// <summary>Goes to the next member's name, or over the end of an object whose brace was taken; null at that end.</summary>
    public string? NextName(bool first)
    {
        switch (PeekToken())
        {
            case '}':
                Take();
                return null;
            case ',' when !first:
                Take();
                break;
            case < 0:
                throw ErrorAhead("EOF while parsing an object");
            case var _ when !first:
                throw ErrorAhead("expected `,` or `}`");
        }

        switch (PeekToken())
        {
            case '"':
                return ReadString();
            case '}':
                throw ErrorAhead("trailing comma");
            case < 0:
                throw ErrorAhead("EOF while parsing a value");
            default:
                throw ErrorAhead("key must be a string");
        }
    }

    /// <summary>Goes over the colon behind a member's name.</summary>
    public void Colon()
    {
        switch (PeekToken())
        {
            case ':':
                Take();
                break;
            case < 0:
                throw ErrorAhead("EOF while parsing an object");
            default:
                throw ErrorAhead("expected `:`");
        }
    }

    /// <summary>Goes over the end of an array from which nothing more is wanted.</summary>
    public void EndArray()
    {
        switch (PeekToken())
        {
            case ']':
                Take();
                break;
            case ',':
                Take();
                throw ErrorAhead(PeekToken() == ']' ? "trailing comma" : "trailing characters");
            case < 0:
                throw ErrorAhead("EOF while parsing a list");
            default:
                throw ErrorAhead("trailing characters");
        }
    }

    /// <summary>Goes to the next element, or over the end of an array whose bracket was taken; false at that end.</summary>
    public bool NextElement(bool first)
    {
        switch (PeekToken())
        {
            case ']':
                Take();
                return false;
            case ',' when !first:
                Take();
                return PeekToken() switch
                {
                    ']' => throw ErrorAhead("trailing comma"),
                    < 0 => throw ErrorAhead("EOF while parsing a value"),
                    _ => true,
                };
            case < 0:
                throw ErrorAhead("EOF while parsing a list");
            case var _ when !first:
                throw ErrorAhead("expected `,` or `]`");
            default:
                return true;
        }
    }

    /// <summary>Goes over any value, nested as deep as serde_json allows below <paramref name="depth"/> levels.</summary>
    public JsonElement ReadValue(int depth)
    {
        PeekToken();
        int start = _index;
        var open = new Stack<(bool IsObject, bool First)>();
        do
        {
            if (open.TryPop(out var container))
            {
                bool more = container.IsObject ? NextName(container.First) is not null : NextElement(container.First);
                if (!more)
                {
                    continue;
                }

                if (container.IsObject)
                {
                    Colon();
                }

                open.Push((container.IsObject, false));
            }

            int token = PeekToken();
            if (token is '{' or '[')
            {
                if (depth + open.Count + 1 >= MaxDepth)
                {
                    throw ErrorAhead("recursion limit exceeded");
                }

                Take();
                open.Push((token == '{', true));
            }
            else
            {
                SkipScalar(token);
            }
        }
        while (open.Count > 0);

        using var document = JsonDocument.Parse(json.AsMemory(start, _index - start), new JsonDocumentOptions { MaxDepth = MaxDepth });
        return document.RootElement.Clone();
    }

    /// <summary>The failure for a value of another type than was expected.</summary>
    public NitroCliException InvalidType(string expected)
    {
        int token = PeekToken();
        int start = _index;
        string found = token switch
        {
            < 0 => throw ErrorAhead("EOF while parsing a value"),
            '{' => "map",
            '[' => "sequence",
            '"' => $"string {RustText.Debug(ReadString())}",
            _ => Scalar(token, start),
        };
        return Error($"invalid type: {found}, expected {expected}");
    }

    /// <summary>A failure at the last byte taken.</summary>
    public NitroCliException Error(string text) => ErrorAt(text, _index);

    /// <summary>A failure at the next byte.</summary>
    public NitroCliException ErrorAhead(string text) => ErrorAt(text, Math.Min(json.Length, _index + 1));

    int Peek() => _index < json.Length ? json[_index] : -1;

    string Scalar(int token, int start)
    {
        SkipScalar(token);
        string text = Encoding.ASCII.GetString(json, start, _index - start);
        return text switch
        {
            "null" => "null",
            "true" or "false" => $"boolean `{text}`",
            _ => ReferenceNumber.Normalize(text) is var number && number.AsSpan().ContainsAny('.', 'e') ? $"floating point `{number}`"
                : $"integer `{number}`",
        };
    }

    void SkipScalar(int token)
    {
        switch (token)
        {
            case < 0:
                throw ErrorAhead("EOF while parsing a value");
            case '"':
                ReadString();
                break;
            case 'n':
                SkipWord("null"u8);
                break;
            case 't':
                SkipWord("true"u8);
                break;
            case 'f':
                SkipWord("false"u8);
                break;
            case '-' or (>= '0' and <= '9'):
                SkipNumber();
                break;
            default:
                throw ErrorAhead("expected value");
        }
    }

    void SkipWord(ReadOnlySpan<byte> word)
    {
        foreach (byte letter in word)
        {
            int next = Peek();
            if (next < 0)
            {
                throw Error("EOF while parsing a value");
            }

            Take();
            if (next != letter)
            {
                throw Error("expected ident");
            }
        }
    }

    void SkipNumber()
    {
        int start = _index;
        if (Peek() == '-')
        {
            Take();
        }

        if (Peek() == '0')
        {
            Take();
            if (IsDigit(Peek()))
            {
                throw ErrorAhead("invalid number");
            }
        }
        else
        {
            SkipDigits();
        }

        if (Peek() == '.')
        {
            Take();
            SkipDigits();
        }

        if (Peek() is 'e' or 'E')
        {
            Take();
            if (Peek() is '+' or '-')
            {
                Take();
            }

            SkipDigits();
        }

        try
        {
            ReferenceNumber.Normalize(Encoding.ASCII.GetString(json, start, _index - start));
        }
        catch (FormatException)
        {
            throw Error("number out of range");
        }
    }

    void SkipDigits()
    {
        if (!IsDigit(Peek()))
        {
            throw Peek() < 0 ? Error("EOF while parsing a value") : ErrorAhead("invalid number");
        }

        while (IsDigit(Peek()))
        {
            Take();
        }
    }

    NitroCliException ErrorAt(string text, int index)
    {
        index = Math.Min(index, json.Length);
        var before = json.AsSpan(0, index);
        int line = 1 + before.Count((byte)'\n');
        int column = index - (before.LastIndexOf((byte)'\n') + 1);
        return LenientEifReader.Failure($"Error deserializing metadata: Error({RustText.Debug(text)}, line: {line}, column: {column})");
    }

    static bool IsDigit(int value) => value is >= '0' and <= '9';
}
