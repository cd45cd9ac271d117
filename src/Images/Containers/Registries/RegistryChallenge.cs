using System.Net.Http.Headers;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>What a registry asks for in WWW-Authenticate (RFC 9110, 11.6.1): a scheme and its parameters.</summary>
sealed record RegistryChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    const int MaxLength = 8192;

    /// <summary>The challenge that can be answered, Bearer before Basic; null for none.</summary>
    public static RegistryChallenge? Choose(IEnumerable<AuthenticationHeaderValue> challenges)
    {
        RegistryChallenge[] all = [.. challenges.Where(challenge => (challenge.Parameter?.Length ?? 0) <= MaxLength)
            .Select(challenge => new RegistryChallenge(challenge.Scheme.ToUpperInvariant(), ReadParameters(challenge.Parameter ?? "")))];
        return all.FirstOrDefault(challenge => challenge.Scheme == "BEARER" && challenge.Parameters.ContainsKey("realm"))
            ?? all.FirstOrDefault(challenge => challenge.Scheme == "BASIC");
    }

    // name=value or name="value with \" escapes", separated by commas; what does not fit ends the reading.
    static Dictionary<string, string> ReadParameters(string text)
    {
        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (int position = 0; position < text.Length;)
        {
            int equals = text.IndexOf('=', position);
            if (equals < 0)
            {
                break;
            }

            string name = text[position..equals].Trim(' ', ',', '\t');
            position = equals + 1;
            var value = new StringBuilder();
            if (position < text.Length && text[position] == '"')
            {
                for (position++; position < text.Length && text[position] != '"'; position++)
                {
                    position += text[position] == '\\' && position + 1 < text.Length ? 1 : 0;
                    value.Append(text[position]);
                }

                position++;
            }
            else
            {
                int comma = text.IndexOf(',', position);
                int end = comma < 0 ? text.Length : comma;
                value.Append(text.AsSpan(position, end - position).Trim());
                position = end;
            }

            parameters.TryAdd(name, value.ToString());
        }

        return parameters;
    }
}
