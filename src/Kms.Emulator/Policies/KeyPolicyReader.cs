using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>
/// Reads key policies. A policy that says something the emulator cannot judge (another operator, an unknown condition key,
/// <c>NotPrincipal</c>, …) is refused when its key is created: no request is ever let through because a condition was not understood.
/// </summary>
static partial class KeyPolicyReader
{
    const int MaximumLength = 32_768; // KMS's limit

    static readonly JsonDocumentOptions s_json = new() { MaxDepth = 8, AllowDuplicateProperties = false };
    static readonly string[] s_statementMembers = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    static readonly string[] s_versions = ["2012-10-17", "2008-10-17"];

    /// <exception cref="KmsErrorException">It is no policy, or not one that the emulator can judge.</exception>
    internal static KeyPolicy Read(string json)
    {
        if (json.Length > MaximumLength)
        {
            throw KmsErrorException.MalformedPolicy($"The policy has {json.Length} characters; {MaximumLength} are accepted.");
        }

        try
        {
            using var document = JsonText.Parse(json, s_json);
            var root = document.RootElement;
            ExpectMembers(root, "The policy", ["Version", "Id", "Statement"]);
            if (root.TryGetProperty("Version", out var version) && !s_versions.Contains(Text(version, "Version")))
            {
                throw KmsErrorException.MalformedPolicy("There is no such Version of policies.");
            }

            if (!root.TryGetProperty("Statement", out var statements))
            {
                throw KmsErrorException.MalformedPolicy("The policy has no Statement.");
            }

            var elements = statements.ValueKind == JsonValueKind.Array ? [.. statements.EnumerateArray()] : new[] { statements };
            return elements.Length > 0
                ? new KeyPolicy([.. elements.Select(ReadStatement)])
                : throw KmsErrorException.MalformedPolicy("The policy has no Statement.");
        }
        catch (JsonException exception)
        {
            throw KmsErrorException.MalformedPolicy($"The policy is not JSON: {exception.Message}");
        }
    }

    static KeyPolicyStatement ReadStatement(JsonElement statement, int index)
    {
        ExpectMembers(statement, "A statement", s_statementMembers);
        var name = statement.TryGetProperty("Sid", out var sid) ? Text(sid, "Sid") : (index + 1).ToString(CultureInfo.InvariantCulture);
        var effect = Text(Member(statement, "Effect"), "Effect");
        if (effect is not ("Allow" or "Deny"))
        {
            throw KmsErrorException.MalformedPolicy($"The Effect {effect} of statement {name} is neither Allow nor Deny.");
        }

        if (!Texts(Member(statement, "Resource"), "Resource").Contains("*"))
        {
            throw KmsErrorException.MalformedPolicy($"The Resource of statement {name} is not \"*\", the key itself.");
        }

        return new KeyPolicyStatement
        {
            Name = name,
            IsDeny = effect == "Deny",
            Principals = ReadPrincipals(Member(statement, "Principal")),
            Actions = Texts(Member(statement, "Action"), "Action"),
            Conditions = statement.TryGetProperty("Condition", out var conditions) ? ReadConditions(conditions) : [],
        };
    }

    static List<string> ReadPrincipals(JsonElement principal)
    {
        if (principal.ValueKind == JsonValueKind.String)
        {
            return Text(principal, "Principal") == "*" ? ["*"] : throw KmsErrorException.MalformedPolicy("A Principal is \"*\" or {\"AWS\": …}.");
        }

        ExpectMembers(principal, "A Principal", ["AWS"]);
        return [.. Texts(Member(principal, "AWS"), "AWS").Select(text => AccountPattern().IsMatch(text) ? $"arn:aws:iam::{text}:root" : text)];
    }

    static List<KeyPolicyCondition> ReadConditions(JsonElement conditions)
    {
        var read = new List<KeyPolicyCondition>();
        ExpectMembers(conditions, "A Condition", null);
        foreach (var operation in conditions.EnumerateObject())
        {
            const string suffix = "IfExists";
            var ifExists = operation.Name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase);
            var name = ifExists ? operation.Name[..^suffix.Length] : operation.Name;
            var known = Enum.GetValues<KeyPolicyOperator>().Where(one => string.Equals(one.ToString(), name, StringComparison.OrdinalIgnoreCase)).ToArray();
            if (known.Length != 1 || (ifExists && known[0] == KeyPolicyOperator.Null))
            {
                throw KmsErrorException.MalformedPolicy($"The condition operator {operation.Name} is not one that the emulator can judge.");
            }

            ExpectMembers(operation.Value, operation.Name, null);
            foreach (var condition in operation.Value.EnumerateObject())
            {
                if (!KnownKey().IsMatch(condition.Name))
                {
                    throw KmsErrorException.MalformedPolicy($"The condition key {condition.Name} is not one that the emulator can judge.");
                }

                var expected = Texts(condition.Value, condition.Name);
                if (known[0] == KeyPolicyOperator.Null && !expected.TrueForAll(value => bool.TryParse(value, out _)))
                {
                    throw KmsErrorException.MalformedPolicy($"The condition Null {condition.Name} is neither \"true\" nor \"false\".");
                }

                read.Add(new KeyPolicyCondition(known[0], ifExists, condition.Name, expected));
            }
        }

        return read;
    }

    static void ExpectMembers(JsonElement element, string what, string[]? allowed)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw KmsErrorException.MalformedPolicy($"{what} is not an object.");
        }

        foreach (var member in element.EnumerateObject())
        {
            if (allowed is not null && !allowed.Contains(member.Name))
            {
                throw KmsErrorException.MalformedPolicy($"{what} has a member {member.Name}, which the emulator cannot judge.");
            }
        }
    }

    static JsonElement Member(JsonElement element, string name) => element.TryGetProperty(name, out var member)
        ? member
        : throw KmsErrorException.MalformedPolicy($"{name} is missing in a statement.");

    static string Text(JsonElement element, string name) => JsonText.Of(element)
        ?? throw KmsErrorException.MalformedPolicy($"{name} is not a string.");

    static List<string> Texts(JsonElement element, string name)
    {
        List<string> texts = element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().Select(one => Text(one, name))] : [Text(element, name)];
        return texts.Count > 0 ? texts : throw KmsErrorException.MalformedPolicy($"{name} is an empty list.");
    }

    [GeneratedRegex(@"^[0-9]{12}\z", RegexOptions.CultureInvariant)]
    private static partial Regex AccountPattern();

    [GeneratedRegex(
        @"^(kms:RecipientAttestation:(ImageSha384|PCR([0-9]|[12][0-9]|3[01]))|kms:EncryptionContext:.+|aws:PrincipalArn)\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex KnownKey();
}
