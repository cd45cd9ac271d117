namespace NitroEnclaves.Enclaves;

/// <summary>Answers the ioctls that a filter hands over: those of the type of a device's commands, on whatever descriptor.</summary>
interface IDeviceCalls
{
    /// <summary>Answers one call; lets it go on where it is none of the device's.</summary>
    CallAnswer Answer(CallListener listener, in InterceptedCall call);
}
