namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Where an enclave's control groups can be made, on trees that look like those of common machines.</summary>
public sealed class ControlGroupTests : IDisposable
{
    readonly string _mount = Directory.CreateTempSubdirectory("nitro-groups-").FullName;

    public void Dispose() => Directory.Delete(_mount, recursive: true);

    [Fact]
    public void Version_2_takes_the_nearest_group_that_hands_controllers_down()
    {
        Group("", "cpu memory pids");
        Group("user.slice", "cpu memory pids");
        Group("user.slice/user-0.slice", "memory pids");
        Group("user.slice/user-0.slice/session-3.scope", "");
        var parent = Assert.Single(Find("0::/user.slice/user-0.slice/session-3.scope"));
        Assert.Equal(new ControlGroup($"{_mount}/user.slice/user-0.slice", 2, true, true), parent);
        Assert.Null(ResourceGroup.Lack([parent]));
    }

    [Fact]
    public void Version_2_may_hand_down_one_of_the_two()
    {
        Group("", "");
        Group("service", "pids");
        var parents = Find("0::/service");
        Assert.Equal([new ControlGroup($"{_mount}/service", 2, false, true)], parents);
        Assert.StartsWith("An enclave's memory is not limited here: this user may make no control group for that", ResourceGroup.Lack(parents), StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_container_of_version_2_nothing_is_handed_down()
    {
        Group("", "");
        var parents = Find("0::/");
        Assert.Empty(parents);
        Assert.StartsWith("An enclave's memory and number of processes are not limited here", ResourceGroup.Lack(parents), StringComparison.Ordinal);
    }

    [Fact]
    public void Version_1_has_a_group_for_each_controller()
    {
        Group("memory/job", null);
        Group("pids", null);
        Group("cpu,cpuacct", null);
        var parents = Find("3:memory:/job\n2:cpu,cpuacct:/\n1:pids:/\n0::/");
        Assert.Equal([new ControlGroup($"{_mount}/memory/job", 1, true, false), new ControlGroup($"{_mount}/pids/", 1, false, true)], parents);
        Assert.Null(ResourceGroup.Lack(parents));
    }

    [Theory]
    [InlineData("0::/../../other")]
    [InlineData("3:memory:/elsewhere")]
    [InlineData("nonsense\n::\n")]
    [InlineData("")]
    public void Groups_that_are_not_mounted_here_are_passed_over(string membership)
    {
        Group("", "");
        Group("memory", null);
        Assert.Empty(Find(membership));
    }

    IReadOnlyList<ControlGroup> Find(string membership)
    {
        var file = Path.Combine(_mount, "membership");
        File.WriteAllText(file, membership);
        return ControlGroup.FindParents(_mount, file);
    }

    // Null for version 1, where each group has its controller anyway.
    void Group(string path, string? handedDown)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_mount, path)).FullName;
        File.WriteAllText(Path.Combine(folder, "cgroup.procs"), "");
        if (handedDown is not null)
        {
            File.WriteAllText(Path.Combine(folder, "cgroup.subtree_control"), handedDown);
        }
    }
}
