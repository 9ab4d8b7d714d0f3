#!/usr/bin/perl
# A client on Net::SMPP: binds, makes the calls it is told on standard input, one JSON [method, arguments] a line, and
# prints each answer as one JSON line. Before a call it replaces MESSAGE_ID by the message_id it was answered last.
use strict;
use warnings;
use JSON::PP;
use Net::SMPP;

my ($port, $system_id, $password) = @ARGV;
$| = 1;
local $SIG{__WARN__} = sub { };    # it warns of parameters it does not know
my ($smpp, $bound) = Net::SMPP->new_transceiver(
    '127.0.0.1', port => $port, system_id => $system_id, password => $password, interface_version => 0x34,
) or die "cannot connect: $!";
die "not bound: $bound->{status}" if $bound->{status};

my $last = '';
while (my $line = <STDIN>) {
    my ($method, $arguments) = @{ decode_json($line) };
    my %arguments = map { $_ => ref $arguments->{$_} ? $arguments->{$_} : $arguments->{$_} =~ s/MESSAGE_ID/$last/r }
        keys %$arguments;
    my $answer = $smpp->$method(%arguments) or die "no answer to $method";
    $last = $answer->{message_id} if $answer->{message_id};
    my %said = map { $_ => $answer->{$_} } grep { defined $answer->{$_} } qw(
        status message_id message_state final_date error_code destination_addr error_status_code);
    print JSON::PP->new->canonical->encode(\%said), "\n";
}
