namespace NitroEnclaves.Init.Tests;

public sealed class UserIdentityTests
{
    static readonly string[] s_passwd =
    [
        "root:x:0:0:root:/root:/bin/sh",
        "",
        "broken",
        "app:x:1654:1655::/home/app:/bin/sh",
        // A name that is another account's number: names win.
        "77:x:500:501::/:/bin/sh",
        "other:x:77:78::/:/bin/sh",
    ];

    static readonly string[] s_group = ["root:x:0:", "staff:x:50:app,other", "audio:x:29:app", "staffed:x:51:apple"];

    static (uint User, uint Group, uint[] Further) Resolve(string specification)
    {
        var identity = UserIdentity.Resolve(specification, s_passwd, s_group);
        return (identity.UserId, identity.GroupId, [.. identity.SupplementaryGroups]);
    }

    [Fact]
    public void A_name_brings_its_groups()
    {
        var (user, group, further) = Resolve("app");
        Assert.Equal((1654u, 1655u), (user, group));
        Assert.Equal([50u, 29u], further);
    }

    [Fact]
    public void A_known_number_is_as_good_as_the_name()
    {
        var (user, group, further) = Resolve("1654");
        Assert.Equal((1654u, 1655u), (user, group));
        Assert.Equal([50u, 29u], further);
    }

    [Theory]
    [InlineData("4000", 4000, 0)]
    [InlineData("4000:5000", 4000, 5000)]
    [InlineData("app:staff", 1654, 50)]
    [InlineData("app:29", 1654, 29)]
    [InlineData("0:0", 0, 0)]
    [InlineData("77", 500, 501)]
    public void Names_and_numbers_mix_and_a_group_given_is_the_only_one(string specification, uint user, uint group)
    {
        var (actualUser, actualGroup, further) = Resolve(specification);
        Assert.Equal((user, group), (actualUser, actualGroup));
        Assert.Empty(further);
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("app:nogroup")]
    [InlineData("")]
    [InlineData("app:")]
    [InlineData("-1")]
    [InlineData("4294967296")]
    public void What_is_in_neither_file_is_refused(string specification) => Assert.Throws<InitException>(() => Resolve(specification));
}
