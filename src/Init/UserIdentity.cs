using System.Globalization;

namespace NitroEnclaves.Init;

/// <summary>As whom the program runs.</summary>
/// <param name="UserId">The user's number.</param>
/// <param name="GroupId">The primary group's number.</param>
/// <param name="SupplementaryGroups">Further groups; empty where the image names a group itself.</param>
sealed record UserIdentity(uint UserId, uint GroupId, IReadOnlyList<uint> SupplementaryGroups)
{
    /// <summary>Understands a user as container images write it: <c>user</c> or <c>user:group</c>, each a name or a number.</summary>
    /// <param name="specification">The text to understand.</param>
    /// <param name="passwd">The lines of the image's <c>/etc/passwd</c>; empty where there is none.</param>
    /// <param name="group">The lines of the image's <c>/etc/group</c>; empty where there is none.</param>
    /// <remarks>A number need not be in the files; its primary group is then 0, as container engines have it.</remarks>
    /// <exception cref="InitException">A name is unknown.</exception>
    internal static UserIdentity Resolve(string specification, string[] passwd, string[] group)
    {
        var separator = specification.IndexOf(':', StringComparison.Ordinal);
        var user = separator < 0 ? specification : specification[..separator];
        // name:password:uid:gid:comment:home:shell
        var account = Find(passwd, user, minimumFields: 4);
        if (account is null && !TryParseId(user, out _))
        {
            throw new InitException($"the image's user {user} is not in its /etc/passwd");
        }

        var userId = account is null ? ParseId(user) : ParseId(account[2]);
        if (separator >= 0)
        {
            return new UserIdentity(userId, ResolveGroup(specification[(separator + 1)..], group), []);
        }

        return account is null
            ? new UserIdentity(userId, 0, [])
            : new UserIdentity(userId, ParseId(account[3]), GroupsOf(account[0], group));
    }

    static uint ResolveGroup(string name, string[] group)
    {
        // name:password:gid:members
        var entry = Find(group, name, minimumFields: 3);
        return entry is not null ? ParseId(entry[2])
            : TryParseId(name, out var id) ? id
            : throw new InitException($"the image's group {name} is not in its /etc/group");
    }

    static List<uint> GroupsOf(string user, string[] group)
    {
        var ids = new List<uint>();
        foreach (var line in group)
        {
            var fields = line.Split(':');
            if (fields.Length >= 4 && Array.IndexOf(fields[3].Split(','), user) >= 0)
            {
                ids.Add(ParseId(fields[2]));
            }
        }

        return ids;
    }

    /// <summary>The entry of that name, else the entry of that number.</summary>
    static string[]? Find(string[] lines, string nameOrId, int minimumFields)
    {
        string[]? byId = null;
        foreach (var line in lines)
        {
            var fields = line.Split(':');
            if (fields.Length < minimumFields)
            {
                continue;
            }

            if (fields[0] == nameOrId)
            {
                return fields;
            }

            byId ??= fields[2] == nameOrId ? fields : null;
        }

        return byId;
    }

    static bool TryParseId(string text, out uint id) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);

    static uint ParseId(string text) =>
        TryParseId(text, out var id) ? id : throw new InitException($"{text} in the image's /etc/passwd or /etc/group is no number");
}
