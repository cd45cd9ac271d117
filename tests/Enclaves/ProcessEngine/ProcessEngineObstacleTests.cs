namespace NitroEnclaves.Enclaves.Tests;

/// <summary>One sentence for each thing that can be missing, with what to do about it.</summary>
public sealed class ProcessEngineObstacleTests
{
    const int EPERM = 1;
    const int EACCES = 13;
    const int EBUSY = 16;
    const int EINVAL = 22;
    const int ENOSPC = 28;
    const int ENOSYS = 38;
    const int EAFNOSUPPORT = 97;

    const string Docker = "start the container with --security-opt seccomp=packaging/docker/seccomp.json (docs/engines.md), or use the qemu engine.";
    const string AppArmor =
        "AppArmor keeps user namespaces from ordinary users; run as root, or set kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl.";

    [Theory]
    // Docker's default profile: namespaces are refused; where they are not, sockets are, before anybody is asked.
    [InlineData("unshare", EPERM, "user namespaces are refused, as in Docker's containers by default; " + Docker)]
    [InlineData("mount", EACCES, "user namespaces are refused, as in Docker's containers by default; " + Docker)]
    [InlineData(
        "socket", EPERM, "the seccomp profile around us refuses AF_VSOCK sockets, as Docker's does by default, before the engine is asked; " + Docker)]
    [InlineData(
        "socket", EAFNOSUPPORT, "the seccomp profile around us refuses AF_VSOCK sockets, as Docker's does by default, before the engine is asked; " + Docker)]
    // No user namespaces: none may be made, or the kernel knows none.
    [InlineData("unshare", ENOSPC, "user.max_user_namespaces allows no user namespace; raise it with sysctl.")]
    [InlineData("unshare", EINVAL, "the kernel was built without the namespaces that the engine needs; use another kernel, or the qemu engine.")]
    // A kernel before 5.19 does not know the flag, one before 3.17 not the call.
    [InlineData("seccomp", EINVAL, "the kernel has no seccomp notification that signals leave alone; it takes Linux 5.19 or newer, or the qemu engine.")]
    [InlineData("seccomp", ENOSYS, "the kernel has no seccomp notification that signals leave alone; it takes Linux 5.19 or newer, or the qemu engine.")]
    [InlineData("seccomp", EBUSY, "another program already answers seccomp notifications of this container; start the container without it.")]
    [InlineData("prctl", EINVAL, "it cannot do what it is for (Invalid argument); use the qemu engine.")]
    public void What_is_missing_is_named_with_what_to_do(string call, int error, string sentence) =>
        Assert.Equal(sentence, ProcessEngineObstacle.Explain(Enum.Parse<SystemCall>(call), "do what it is for", error, _ => null));

    [Theory]
    [InlineData("unshare", EPERM)]
    [InlineData("unshare", EACCES)]
    [InlineData("mount", EACCES)]
    [InlineData("mount", EPERM)]
    [InlineData("seccomp", EACCES)]
    public void AppArmors_restriction_is_named_whichever_call_it_refuses_first(string call, int error)
    {
        Assert.Equal(AppArmor, ProcessEngineObstacle.Explain(Enum.Parse<SystemCall>(call), "", error, Restricting));
        Assert.Equal(AppArmor, ProcessEngineObstacle.ExplainMaps("Permission denied", Restricting));
        Assert.Equal("Permission denied", ProcessEngineObstacle.ExplainMaps("Permission denied", _ => "0\n"));

        static string? Restricting(string file) => file == "/proc/sys/kernel/apparmor_restrict_unprivileged_userns" ? "1\n" : null;
    }

    [Fact]
    public void Namespaces_that_are_roots_alone_are_named() => Assert.Equal(
        "user namespaces are root's alone; run as root, or set kernel.unprivileged_userns_clone to 1 with sysctl.",
        ProcessEngineObstacle.Explain(SystemCall.unshare, "", EPERM, file => file == "/proc/sys/kernel/unprivileged_userns_clone" ? "0\n" : null));

    [Fact]
    public void A_socket_that_nobody_answers_is_what_the_engine_wants_to_see() =>
        Assert.Null(ProcessEngineObstacle.Explain(SystemCall.socket, "", ENOSYS, _ => null));
}
