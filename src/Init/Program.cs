using System.Diagnostics;
using System.Runtime.InteropServices;
using NitroEnclaves.Init;

if (InitramfsGuard.Refusal() is { } refusal)
{
    KernelConsole.Say(refusal);
    return 1;
}

EndStatus end;
try
{
    end = Run();
    KernelConsole.Say($"the program {end}");
}
catch (Exception exception)
{
    // Whatever it is, process 1 must not die of it: the kernel would panic and hide the message behind its own.
    KernelConsole.Say(exception is InitException ? exception.Message : exception.ToString());
    end = EndStatus.NotStarted;
}

ParentChannel.ReportEnd(end);
Interop.sync();
_ = Interop.reboot(Interop.RB_AUTOBOOT);
KernelConsole.Say(InitException.FromLastError("reboot").Message);
return 1;

// Nothing before the modules may need random numbers: with the CPU's and the boot loader's not trusted, the kernel's
// generator is first seeded by the NSM's driver.
static EndStatus Run()
{
    FileSystems.MountDevices();
    KernelConsole.Attach();
    KernelModules.Find("/").ForEach(KernelModules.Load);
    WaitForSecurityModule();
    Loopback.BringUp();
    var command = ImageCommand.Take("/");
    if (!ParentChannel.SignalReady())
    {
        KernelConsole.Say("there is no vsock device: the parent does not learn that the enclave is up");
    }

    FileSystems.EnterRoot("/rootfs");
    FileSystems.MountAll();
    var user = command.User is null ? null : UserIdentity.Resolve(command.User, Lines("/etc/passwd"), Lines("/etc/group"));
    var service = ServiceProcess.Start(command, user);
    using var terminate = Forward(PosixSignal.SIGTERM, 15, service);
    using var interrupt = Forward(PosixSignal.SIGINT, 2, service);
    using var hangUp = Forward(PosixSignal.SIGHUP, 1, service);
    using var quit = Forward(PosixSignal.SIGQUIT, 3, service);
    return service.WaitForEnd();
}

static void WaitForSecurityModule()
{
    var clock = Stopwatch.StartNew();
    while (!File.Exists("/dev/nsm"))
    {
        if (clock.Elapsed > TimeSpan.FromSeconds(2))
        {
            KernelConsole.Say("there is no /dev/nsm: the program cannot attest");
            return;
        }

        Thread.Sleep(5);
    }
}

static string[] Lines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];

// What is sent to process 1 is meant for the program that the enclave exists for.
static PosixSignalRegistration Forward(PosixSignal signal, int number, ServiceProcess service) =>
    PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        service.Forward(number);
    });
