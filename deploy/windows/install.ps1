# Installs the agent as a Windows service. Run as Administrator, from the directory that the release was unpacked to:
#
#   powershell -ExecutionPolicy Bypass -File .\install.ps1            # programs and state in C:\opengslb
#   powershell -ExecutionPolicy Bypass -File .\install.ps1 -Remove    # the service goes, the files stay
#
# Put your configuration at C:\opengslb\config.yaml first. The log is C:\opengslb\logs\agent.log.
param(
    [string]$Directory = 'C:\opengslb',
    [switch]$Remove
)
$ErrorActionPreference = 'Stop'

$identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]'Administrator')) {
    throw 'run this as Administrator: only administrators install services'
}

$program = Join-Path $Directory 'opengslb.exe'
$config = Join-Path $Directory 'config.yaml'

if ($Remove) {
    if (Get-Service -Name opengslb -ErrorAction SilentlyContinue) { & $program service remove }
    Remove-EventLog -Source OpenGSLB -ErrorAction SilentlyContinue
    exit $LASTEXITCODE
}

# An agent that runs holds its program: it is installed anew.
if (Get-Service -Name opengslb -ErrorAction SilentlyContinue) {
    & $program service remove
    if ($LASTEXITCODE -ne 0) { throw 'the service that is there cannot be removed' }
}

# Keys and the configuration lie there: for administrators and the system only, by their numbers, since their names differ
# from language to language.
New-Item -ItemType Directory -Force -Path (Join-Path $Directory 'logs') | Out-Null
icacls $Directory /inheritance:r /grant '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' | Out-Null
if ($LASTEXITCODE -ne 0) { throw "the rights of $Directory cannot be set" }

if ((Resolve-Path $PSScriptRoot).Path -ne (Resolve-Path $Directory).Path) {
    foreach ($name in 'opengslb.exe', 'opengslb-cli.exe', 'install.ps1') {
        $from = Join-Path $PSScriptRoot $name
        if (Test-Path $from) { Copy-Item -Force $from $Directory }
    }
}
if (-not (Test-Path $config)) { throw "there is no $config yet: take examples/agent.yaml and fill it in" }

& $program check-config --config $config
if ($LASTEXITCODE -ne 0) { throw "$config is not right" }

# So that the event viewer shows our lines without a complaint about their source.
New-EventLog -LogName Application -Source OpenGSLB -ErrorAction SilentlyContinue

& $program --config $config service install
if ($LASTEXITCODE -ne 0) { throw 'the service cannot be installed' }
& $program service start
if ($LASTEXITCODE -ne 0) { throw 'the service cannot be started: see the event log' }
Write-Output "opengslb runs; its log is $(Join-Path $Directory 'logs\agent.log')"
